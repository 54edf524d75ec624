from collections.abc import AsyncIterator, Iterator

import pytest
from products import Product, products
from real import RealKeystead

from keystead import Keystead


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def real() -> Iterator[RealKeystead]:
    with RealKeystead() as running:
        yield running


@pytest.fixture
async def keystead(real: RealKeystead, anyio_backend: str) -> AsyncIterator[Keystead]:
    async with Keystead(real.url) as client:
        yield client


@pytest.fixture
async def each(keystead: Keystead) -> AsyncIterator[list[Product]]:
    async with products(keystead) as running:
        yield running
