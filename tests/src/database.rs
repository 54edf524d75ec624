//! The store as a file that somebody else reads: for proving that nothing was written, and that no secret was.

use std::collections::BTreeMap;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::TestServer;

/// Every row of every table, as SQL literals. Two that are equal hold the same, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, Vec<String>>);

impl Snapshot {
    /// The tables that differ.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(name, rows)| before.0.get(*name) != Some(rows))
            .map(|(name, _)| &**name)
            .collect()
    }

    /// The rows of a table.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[String] {
        self.0.get(table).unwrap_or_else(|| panic!("no table {table}"))
    }
}

impl TestServer {
    /// The name of every column of every table.
    pub async fn columns(&self) -> Vec<String> {
        let statement =
            "SELECT DISTINCT c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
        let mut connection = self.database(true).await;
        let columns = texts(&mut connection, statement).await;
        connection.close().await.expect("closed");
        columns
    }

    /// A connection to the database, beside the server's own.
    pub async fn database(&self, read_only: bool) -> SqliteConnection {
        let file = self.data_dir().join("keystead.db");
        let options = SqliteConnectOptions::new().filename(file).read_only(read_only);
        SqliteConnection::connect_with(&options).await.expect("a database")
    }

    /// What the store holds now, read by a connection of the test's own that cannot write.
    pub async fn snapshot(&self) -> Snapshot {
        let mut connection = self.database(true).await;
        let mut tables = BTreeMap::new();
        for table in texts(&mut connection, "SELECT name FROM sqlite_schema WHERE type = 'table'").await {
            let columns =
                texts(&mut connection, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let row =
                columns.iter().map(|name| format!("quote(\"{name}\")")).collect::<Vec<_>>().join("||' '||");
            let rows = texts(&mut connection, &format!("SELECT {row} FROM \"{table}\" ORDER BY 1")).await;
            tables.insert(table, rows);
        }
        connection.close().await.expect("closed");
        Snapshot(tables)
    }
}

async fn texts(connection: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(statement.to_owned())).fetch_all(connection).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}
