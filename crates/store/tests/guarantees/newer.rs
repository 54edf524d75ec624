//! No store is opened that this binary does not know.

use keystead_store::{Location, OpenError, Store, Subscriber};
use keystead_test_hosts::DatabaseTool;

use crate::harness::{Harness, location};

pub(crate) async fn refusal(location: impl Into<Location>) -> OpenError {
    let Err(error) = Store::open(location, Subscriber::Told(Box::new(|_, _| ()))).await else {
        panic!("it must not open")
    };
    error
}

#[tokio::test]
async fn a_store_newer_than_the_binary_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::in_folder(folder.path()).await;
    harness.somebody().await;
    harness.store.close().await;
    drop(harness);
    let tool = DatabaseTool::of(folder.path());
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, '', TRUE, x'', 0)";
    tool.run(newer).await.unwrap();
    let before = tool.rows().await;
    let error = refusal(location(folder.path())).await;
    assert!(matches!(error, OpenError::Newer { found: 9999, known } if known < 9999), "{error:?}");
    assert!(tool.rows().await == before, "nothing was changed");
}
