//! Promise 2: the store never holds a token.

use keystead_store::NewKey;

use crate::harness::Harness;
use crate::people::own;

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_token_is_nowhere_in_the_store_neither_before_nor_after_it_is_closed() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let token = harness.token();
    let key =
        NewKey { hash: token.hash(), masked: token.masked(), ..harness.new_key("a telling name", None) };
    harness.create(&user, &key).await.unwrap();
    assert!(harness.revoke(&own(&user), key.id).await);
    // The prefix and the first characters may be shown: what follows them may not.
    let secret = &token.expose()[8..40];
    let open = harness.bytes().await;
    let harness = harness.reopened().await;
    for bytes in [open, harness.bytes().await] {
        assert!(holds(&bytes, "a telling name"), "the scan sees what is written");
        assert!(!holds(&bytes, secret));
    }
    assert!(!format!("{key:?}").contains(secret));
}
