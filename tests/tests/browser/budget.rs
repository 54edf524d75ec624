//! What the keys page may cost whoever opens it.

use keystead_tests::{Browser, TestServer};
use serde_json::Value;

#[tokio::test]
async fn a_page_of_fifty_keys_stays_within_its_budget() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    for number in 0..50 {
        server.key(&ada, &format!("Integration of system {number}"), "90d").await;
    }
    let browser = Browser::signed_in(&server, &ada).await;
    assert_eq!(browser.names().await.len(), 50);
    let loads = "return performance.getEntries().filter(e => e.entryType === 'navigation' || e.entryType === 'resource')
        .map(e => [e.name, e.encodedBodySize, e.initiatorType])";
    let loads: Vec<(String, u64, String)> = serde_json::from_value(browser.eval(loads).await).unwrap();
    let bytes: u64 = loads.iter().map(|(_, bytes, _)| bytes).sum();
    let script: u64 = loads.iter().filter(|load| load.2 == "script").map(|(_, bytes, _)| bytes).sum();
    println!("{bytes} bytes, {script} of them script: {loads:#?}");
    assert!(script > 0 && loads.iter().all(|(_, bytes, _)| *bytes > 0), "all were measured: {loads:?}");
    assert!(bytes <= 75_000, "{bytes} bytes: {loads:?}");
    assert!(script <= 15_000, "{script} bytes of script");
    // The icon of the browser's tab is not among them.
    assert!(loads.len() < 6, "{loads:?}");
    assert!(loads.iter().all(|(address, ..)| address.starts_with(&server.url)), "all from here: {loads:?}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    let shift = "return performance.getEntriesByType('layout-shift').reduce((sum, e) => sum + e.value, 0)";
    assert_eq!(browser.eval(shift).await, Value::from(0), "nothing moves while the page loads");
    browser.close().await;
}
