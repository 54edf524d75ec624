"""The test double is believed only as far as it answers like the real one."""

import re
from datetime import datetime

import pytest
from products import products
from real import KEYS, RealKeystead

from keystead import Keystead, Refused
from keystead.testing import FakeKeystead

pytestmark = pytest.mark.anyio


async def test_the_test_double_answers_as_the_real_one_does(real: RealKeystead, keystead: Keystead) -> None:
    analyst, limited, nobody, expired = (KEYS[name] for name in ("analyst", "limited", "nobody", "expired"))
    fake = FakeKeystead()
    reads = ["reports:read"]
    tokens = [
        (analyst.token, fake.key(user_id=analyst.user_id, email=analyst.email, permissions=reads)),
        (
            limited.token,
            fake.key(user_id=limited.user_id, email=limited.email, permissions_on={"reports:read": ["report-17"]}),
        ),
        (nobody.token, fake.key(user_id=nobody.user_id, email=nobody.email)),
        (
            real.session(analyst.email),
            fake.session(user_id=analyst.user_id, email=analyst.email, permissions=reads),
        ),
        (real.session(nobody.email), fake.session(user_id=nobody.user_id, email=nobody.email)),
        (expired.token, fake.key(user_id=analyst.user_id, email=analyst.email)),
        ("junk", "junk"),
    ]
    told = await keystead.verify(expired.token)
    assert isinstance(told, Refused)
    at = re.search(r"expired at (.*)\.$", told.detail)
    assert at
    fake.expire(tokens[5][1], datetime.fromisoformat(at[1]))

    async def answer(client: Keystead, token: str, question: dict[str, str]) -> object:
        verification = await client.verify(token, **question)
        if isinstance(verification, Refused):
            return verification
        caller = verification.caller
        kind = caller.key_id is None, caller.impersonator_key_id is None
        return caller.user_id, caller.email, caller.permissions, kind, caller.may("reports:read")

    for index, (token, fake_token) in enumerate(tokens):
        for question in (
            {},
            {"permission": "reports:read"},
            {"permission": "reports:read", "resource": "report-17"},
            {"permission": "reports:read", "resource": "report-18"},
            {"permission": "reports:read", "resource": "a b"},
            {"permission": "invoices:send"},
        ):
            expected = await answer(keystead, token, question)
            assert await answer(fake, fake_token, question) == expected, (index, question)


async def test_a_product_is_tested_without_a_server_keys_are_made_revoked_and_out_of_reach() -> None:
    async with FakeKeystead() as keystead, products(keystead) as each:
        token = keystead.key(email="ada@example.com", permissions=["reports:read"])
        for product in each:
            assert (await product.get("/reports", f"Bearer {token}")).status_code == 200, product.name
            keystead.down = True
            assert (await product.get("/reports", f"Bearer {token}")).status_code == 503, product.name
            keystead.down = False
        keystead.revoke(token)
        for product in each:
            assert (await product.get("/reports", f"Bearer {token}")).status_code == 401, product.name
