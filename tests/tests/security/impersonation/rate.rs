//! How much one key can mint: a leaked one does not sign everybody in at once, and a loop does not fill the log.

use jiff::SignedDuration;
use keystead_app::RequestOrigin;
use keystead_domain::Error;

use super::{Product, Way};

/// 600 at once and 10 a second are 1,200 in the first minute, however they are spread over it.
#[tokio::test]
async fn of_10_000_mintings_in_a_minute_by_one_key_at_most_1_200_succeed_and_another_key_is_not_slowed() {
    let product = Product::start().await;
    let server = &product.server;
    let other = server.impersonation_key(&product.ada, "another").await;
    let mint = async |token: &str| {
        server.app.impersonate(token, &product.mia.email, &[], &RequestOrigin::default()).await
    };
    let (mut minted, mut bounded) = (0_usize, 0_usize);
    for number in 0..10_000 {
        match mint(&product.key.token).await {
            Ok(_) => minted += 1,
            Err(Error::RateLimited { .. }) => bounded += 1,
            Err(other) => panic!("{other}"),
        }
        if number % 1_000 == 0 {
            assert!(mint(&other.token).await.is_ok(), "another key, after {number}");
        }
        server.advance(SignedDuration::from_millis(6));
    }
    assert_eq!(minted + bounded, 10_000);
    assert!((1_190..=1_200).contains(&minted), "{minted}");
    let sessions = server.snapshot().await.rows("impersonated_sessions").len();
    assert_eq!(sessions, minted + 10, "what was refused left nothing");
}

#[tokio::test]
async fn whoever_mints_too_fast_is_told_so_by_every_way_and_when_to_try_again() {
    let product = Product::start().await;
    let server = &product.server;
    for number in 0..600 {
        let way = Way::ALL[number % 2];
        assert!(way.mint(server, &product.key.token, &product.mia.email).await.is_ok(), "{number}");
    }
    let before = server.snapshot().await;
    let refused = Way::GraphQl.mint(server, &product.key.token, &product.mia.email).await.unwrap_err();
    assert_eq!(refused.code, "RATE_LIMITED");
    let refused = Way::Exchange.mint(server, &product.key.token, &product.mia.email).await.unwrap_err();
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (429, "1"));
    // Nor does asking for somebody who is not there tell anything meanwhile.
    let refused = Way::GraphQl.mint(server, &product.key.token, "nobody@example.com").await.unwrap_err();
    assert_eq!(refused.code, "RATE_LIMITED");
    assert_eq!(server.snapshot().await, before);
    server.advance(SignedDuration::from_secs(1));
    assert!(Way::GraphQl.mint(server, &product.key.token, &product.mia.email).await.is_ok());
}

/// Trying addresses out is minting, as far as the bound goes.
#[tokio::test]
async fn attempts_that_find_nobody_count_as_well() {
    let product = Product::start().await;
    let server = &product.server;
    let attempt = async |email: String| {
        server.app.impersonate(&product.key.token, &email, &[], &RequestOrigin::default()).await
    };
    for number in 0..600 {
        let refused = attempt(format!("nobody{number}@example.com")).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{number}");
    }
    assert!(matches!(attempt(product.mia.email.clone()).await, Err(Error::RateLimited { .. })));
}
