//! On which database a suite runs: on SQLite, or, where `KEYSTEAD_TEST_DATABASE` is `postgres`, on PostgreSQL.

use std::fs;
use std::path::Path;

use crate::Postgres;

/// The variable that chooses.
const VARIABLE: &str = "KEYSTEAD_TEST_DATABASE";

/// Whether the suite runs on PostgreSQL.
pub fn is_on_postgres() -> bool {
    std::env::var(VARIABLE).is_ok_and(|database| database == "postgres")
}

/// The URL of the database that takes the place of a store in this folder, the same whenever it is asked for; `None` on SQLite.
pub fn database_of(folder: &Path) -> Option<String> {
    if !is_on_postgres() {
        return None;
    }
    let remembered = folder.join("database-of-this-test");
    if let Ok(url) = fs::read_to_string(&remembered) {
        return Some(url);
    }
    let url = Postgres::shared_fast().database();
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(remembered, &url).expect("the folder can be written to");
    Some(url)
}
