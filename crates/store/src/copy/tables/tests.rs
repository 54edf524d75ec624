//! No table and no column can be forgotten: the list is what the migrations make.

use std::collections::BTreeSet;

use keystead_test_hosts::Postgres;
use sqlx::{AnyConnection, Connection as _, Row as _};

use super::{AT_ONCE, Kind, TABLES};
use crate::{DatabaseUrl, Location, Store, Subscriber};

/// Tables, columns and whether a column is of the primary key.
type Columns = BTreeSet<(String, String, bool)>;

/// Of the feed: its numbers begin anew, and its one row is written at the end of a copy. Of the rest: what is of this database alone
/// (its nodes, its migrations), and what is sealed for its nodes, which is sealed anew.
const ELSEWHERE: [&str; 5] = ["_sqlx_migrations", "feed", "changes", "nodes", "sealed"];

fn copied() -> Columns {
    let mut columns = Columns::new();
    for table in TABLES {
        for (number, column) in table.columns.iter().enumerate() {
            columns.insert((table.name.to_owned(), column.name.to_owned(), number < table.key));
        }
    }
    columns
}

async fn made(location: Location, sql: &'static str) -> (Columns, BTreeSet<String>) {
    let url = match &location {
        Location::Folder(folder) => format!("sqlite://{}/keystead.db", folder.display()),
        Location::Postgres(url) => url.expose().to_owned(),
    };
    let store = Store::open(location, Subscriber::Told(Box::new(|_, _| ()))).await.unwrap();
    store.close().await;
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let (mut columns, mut feed) = (Columns::new(), BTreeSet::new());
    for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        if table == "feed" {
            feed.insert(column);
        } else if !ELSEWHERE.contains(&&*table) {
            columns.insert((table, column, row.get::<i64, _>(2) > 0));
        }
    }
    (columns, feed)
}

/// What becomes of each column of the feed's row.
fn feed(more: &[&str]) -> BTreeSet<String> {
    let same = ["id", "sequence", "issuing_stopped_at", "issuing_stopped_why", "copying"];
    same.iter().chain(more).map(|column| (*column).to_owned()).collect()
}

#[tokio::test]
async fn every_table_and_column_that_the_migrations_make_is_copied_or_known_not_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let of_sqlite = "SELECT m.name, c.name, CAST(c.pk AS BIGINT) FROM sqlite_schema m, pragma_table_info(m.name) c \
                     WHERE m.type = 'table'";
    let (columns, row) = made(Location::from(folder.path()), of_sqlite).await;
    assert_eq!(copied(), columns);
    assert_eq!(row, feed(&[]));

    let of_postgres = "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), (SELECT COUNT(*) \
        FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k \
        ON k.constraint_name = t.constraint_name AND k.table_name = t.table_name WHERE t.constraint_type = 'PRIMARY KEY' \
        AND k.table_name = c.table_name AND k.column_name = c.column_name) \
        FROM information_schema.columns c WHERE c.table_schema = 'public'";
    let url = DatabaseUrl::new(Postgres::shared_fast().database());
    let (columns, row) = made(Location::Postgres(url), of_postgres).await;
    assert_eq!(copied(), columns);
    assert_eq!(row, feed(&["epoch", "lease_ms", "halted", "timeline", "oldest_schema"]));
}

#[test]
fn pages_are_of_the_length_that_the_statements_say() {
    for table in TABLES {
        for sql in [table.first, table.after] {
            assert!(sql.ends_with(&format!(" LIMIT {AT_ONCE}")), "{sql}");
        }
        assert!(
            table.columns[..table.key].iter().all(|column| !matches!(column.kind, Kind::Number))
                || table.name.starts_with("audit_")
        );
    }
}
