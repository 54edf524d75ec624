"""FastAPI, Starlette, and the client alone, against the real `keystead`."""

import logging
import re

import pytest
from products import Product, products
from real import KEYS, Key, RealKeystead

from keystead import Accepted, Caller, Keystead, Verification

pytestmark = pytest.mark.anyio


def caller_in(verification: Verification) -> Caller:
    assert isinstance(verification, Accepted), verification
    return verification.caller


async def test_a_handler_is_told_who_sent_an_api_key(each: list[Product]) -> None:
    analyst = KEYS["analyst"]
    for product in each:
        answer = await product.get("/me", analyst.bearer)
        assert answer.status_code == 200, product.name
        caller = answer.json()
        assert re.fullmatch("[0-9a-f-]{36}", caller.pop("organization_id")), product.name
        assert caller == {
            "user_id": analyst.user_id,
            "email": analyst.email,
            "key_id": analyst.id,
            "impersonator_key_id": None,
            "permissions": ["reports:read"],
            "may_read": True,
        }, product.name


async def test_a_caller_who_may_do_nothing_and_whose_address_is_not_ascii_is_a_caller_all_the_same(
    keystead: Keystead,
) -> None:
    caller = caller_in(await keystead.verify(KEYS["nobody"].token))
    assert caller.email == "jörg@example.com"
    assert caller.permissions == frozenset()
    assert not caller.may("reports:read")


async def test_a_sessions_user_is_the_caller_and_the_impersonation_key_is_told_apart_from_a_key_of_theirs(
    real: RealKeystead, keystead: Keystead, each: list[Product]
) -> None:
    analyst, impersonator = KEYS["analyst"], KEYS["impersonator"]
    token = real.session(analyst.email)
    caller = caller_in(await keystead.verify(token, permission="reports:read"))
    assert caller.user_id == analyst.user_id
    assert (caller.key_id, caller.impersonator_key_id) == (None, impersonator.id)
    for product in each:
        answer = await product.get("/reports", f"Bearer {token}")
        assert answer.status_code == 200, product.name
        assert answer.json()["impersonator_key_id"] == impersonator.id, product.name


async def test_a_permission_that_is_held_everywhere_on_one_resource_or_not_at_all_is_told_apart(
    each: list[Product],
) -> None:
    async def statuses(product: Product, key: Key) -> list[int]:
        paths = ("/reports", "/reports/report-17", "/reports/report-18")
        return [(await product.get(path, key.bearer)).status_code for path in paths]

    for product in each:
        assert await statuses(product, KEYS["administrator"]) == [200, 200, 200], product.name
        assert await statuses(product, KEYS["analyst"]) == [200, 200, 200], product.name
        assert await statuses(product, KEYS["limited"]) == [403, 200, 403], product.name
        assert await statuses(product, KEYS["nobody"]) == [403, 403, 403], product.name


async def test_an_administrator_may_do_what_was_asked_about_also_where_no_role_names_it(keystead: Keystead) -> None:
    token = KEYS["administrator"].token
    assert not caller_in(await keystead.verify(token)).may("invoices:send")
    assert caller_in(await keystead.verify(token, permission="invoices:send")).may("invoices:send")
    # On one resource is not everywhere.
    limited = await keystead.verify(KEYS["limited"].token, permission="reports:read", resource="report-17")
    assert not caller_in(limited).may("reports:read")


async def test_a_refusal_for_want_of_a_permission_says_so_and_does_not_run_the_handler(each: list[Product]) -> None:
    for product in each:
        answer = await product.get("/reports", KEYS["nobody"].bearer)
        assert answer.status_code == 403, product.name
        assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_scope"'), product.name
        assert answer.headers["cache-control"] == "no-store", product.name
        assert answer.json()["detail"] == "The creator of the API key does not hold this permission.", product.name
        assert product.runs == 0, product.name


async def test_the_middleware_answers_with_problem_details(each: list[Product]) -> None:
    [answer] = [await product.get("/reports", KEYS["nobody"].bearer) for product in each if product.name == "Starlette"]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["title"]) == ("about:blank", "Forbidden")
    assert (problem["status"], problem["code"]) == (403, "FORBIDDEN")


async def test_whoever_presents_an_expired_key_is_told_when_it_expired(each: list[Product]) -> None:
    for product in each:
        answer = await product.get("/me", KEYS["expired"].bearer)
        assert answer.status_code == 401, product.name
        detail = answer.json()["detail"]
        assert re.fullmatch(r"The API key expired at \d{4}-\d\d-\d\dT[\d:]+Z\.", detail), product.name
        challenge = f'Bearer error="invalid_token", error_description="{detail}"'
        assert answer.headers["www-authenticate"] == challenge, product.name


async def test_what_is_no_key_is_refused_and_so_is_what_could_be_read_as_several(each: list[Product]) -> None:
    token = KEYS["analyst"].token
    refused: list[list[str]] = [
        [],
        [""],
        ["Bearer"],
        ["Bearer junk"],
        [f"bearer {token}"],
        [f"Bearer  {token}"],
        [f"Bearer {token},"],
        [f"Bearer {token}0"],
        [f"Bearer {token} {token}"],
        [f"Basic {token}"],
        [token],
        ["Bearer " + "a" * 8193],
        [f"Bearer {token}", f"Bearer {token}"],
        [f"Bearer {token}", "Bearer junk"],
        ["Bearer junk", f"Bearer {token}"],
        [f"Bearer {token}", ""],
    ]
    for product in each:
        for authorization in refused:
            answer = await product.get("/me", *authorization)
            context = f"{product.name}: {' | '.join(authorization).replace(token, 'TOKEN')}"
            assert answer.status_code == 401, context
            assert answer.headers["www-authenticate"].startswith("Bearer"), context
            assert token not in answer.text, context
        assert product.runs == 0, product.name


async def test_an_id_that_no_resource_can_have_is_refused_and_is_no_way_around_the_check(each: list[Product]) -> None:
    for product in each:
        for id in ("a%20b", "a%2Cb", "%00", "a" * 201, "%C3%A4" * 101):
            for key in (KEYS["administrator"], KEYS["limited"]):
                answer = await product.get(f"/reports/{id}", key.bearer)
                assert answer.status_code == 403, f"{product.name}: {id}"
        # It is part of a value, whatever it looks like.
        for id in ("report-17%26permission=x", "%3Fresource=report-17", "report-17%23"):
            limited = await product.get(f"/reports/{id}", KEYS["limited"].bearer)
            analyst = await product.get(f"/reports/{id}", KEYS["analyst"].bearer)
            assert (limited.status_code, analyst.status_code) == (403, 200), f"{product.name}: {id}"


async def test_a_guard_that_cannot_say_which_resource_is_meant_lets_nobody_through(each: list[Product]) -> None:
    for product in each:
        answer = await product.get("/broken/1", KEYS["administrator"].bearer)
        assert answer.status_code == 500, product.name
        assert product.runs == 0, product.name


async def test_a_revoked_key_is_refused_by_the_very_next_request() -> None:
    with RealKeystead() as fresh:
        async with Keystead(fresh.url) as keystead, products(keystead) as each:
            for product in each:
                assert (await product.get("/me", KEYS["analyst"].bearer)).status_code == 200, product.name
            session = fresh.session(KEYS["analyst"].email)
            fresh.revoke(KEYS["analyst"])
            for product in each:
                assert (await product.get("/me", KEYS["analyst"].bearer)).status_code == 401, product.name
                assert (await product.get("/me", f"Bearer {session}")).status_code == 200, product.name
            fresh.revoke(KEYS["impersonator"])
            for product in each:
                assert (await product.get("/me", f"Bearer {session}")).status_code == 401, product.name


async def test_when_keystead_is_gone_nobody_gets_in_and_the_operator_is_told_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RealKeystead() as fresh:
        async with Keystead(fresh.url) as keystead, products(keystead) as each:
            for product in each:
                assert (await product.get("/me", KEYS["analyst"].bearer)).status_code == 200, product.name
            fresh.stop()
            for product in each:
                caplog.clear()
                answer = await product.get("/me", KEYS["analyst"].bearer)
                assert answer.status_code == 503, product.name
                assert answer.headers["retry-after"] == "1", product.name
                assert "www-authenticate" not in answer.headers, product.name
                assert product.runs == 1, product.name
                warnings = [record.message for record in caplog.records if record.name == "keystead"]
                reason = "it cannot be reached (ConnectError)"
                assert warnings == [f"requests are refused with 503, because {reason}"], product.name


async def test_no_log_at_any_level_has_a_token(each: list[Product], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for product in each:
        for path in ("/me", "/reports", "/reports/report-17", "/broken/1"):
            for key in KEYS.values():
                await product.get(path, key.bearer)
    async with Keystead("http://127.0.0.1:1") as unreachable:
        await unreachable.verify(KEYS["analyst"].token)
    assert "requests are refused with 503" in caplog.text and "POST" in caplog.text
    for key in KEYS.values():
        assert key.token not in caplog.text
