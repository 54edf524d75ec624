//! What is in a store, past Keystead: as somebody sees and changes it who has a database tool.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use crate::choice::{database_of, is_on_postgres};

/// What SQLite has and PostgreSQL has not, for what tests write.
pub(crate) const FUNCTIONS: &str = "CREATE FUNCTION zeroblob(length integer) RETURNS bytea LANGUAGE sql AS \
     $$ SELECT decode(repeat('00', length), 'hex') $$; \
     CREATE FUNCTION randomblob(length integer) RETURNS bytea LANGUAGE sql AS \
     $$ SELECT substr(string_agg(uuid_send(gen_random_uuid()), ''), 1, length) FROM generate_series(0, length / 16) $$";

/// Without what protects the rows: triggers, references, checks.
const UNPROTECTED_POSTGRES: &str = "SET session_replication_role = replica; \
     DO $$ DECLARE found record; BEGIN \
     FOR found IN SELECT conrelid::regclass AS place, conname FROM pg_constraint \
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace LOOP \
     EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname); END LOOP; END $$";

/// Somebody's tool at the database of a store. What they write is SQL that both databases have, but that bytes are written as in
/// SQLite: `x'00'`, `zeroblob(9)`, `randomblob(9)`.
#[derive(Debug, Clone)]
pub struct DatabaseTool {
    url: String,
    is_postgres: bool,
}

impl DatabaseTool {
    /// At the store of a folder, on the database that was chosen.
    pub fn of(folder: &Path) -> Self {
        match database_of(folder) {
            // Whom nothing is forbidden.
            Some(url) => {
                let (_, rest) = url.split_once("://keystead:").expect("a URL of these tests");
                Self { url: format!("postgres://postgres:{rest}"), is_postgres: true }
            }
            None => Self::on_sqlite(&folder.join("keystead.db")),
        }
    }

    /// At a file of SQLite's, which is made if need be.
    pub fn on_sqlite(file: &Path) -> Self {
        let mut url = "sqlite://".to_owned();
        for byte in file.as_os_str().as_encoded_bytes() {
            write!(url, "%{byte:02X}").expect("written");
        }
        Self { url: url + "?mode=rwc", is_postgres: false }
    }

    /// Runs statements; how many rows they changed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut connection = self.connect().await;
        let done = self.execute(&mut connection, sql).await;
        connection.close().await?;
        done
    }

    /// The same, with all that protects the rows switched off.
    pub async fn run_unprotected(&self, sql: &str) {
        let mut connection = self.connect().await;
        if self.is_postgres {
            sqlx::raw_sql(UNPROTECTED_POSTGRES).execute(&mut connection).await.expect("unprotected");
        } else {
            let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
            for row in sqlx::query(triggers).fetch_all(&mut connection).await.expect("triggers") {
                let drop = format!("DROP TRIGGER {}", row.get::<String, _>(0));
                sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await.expect("dropped");
            }
            let off = "PRAGMA ignore_check_constraints = ON";
            sqlx::query(off).execute(&mut connection).await.expect("unprotected");
        }
        self.execute(&mut connection, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.expect("closed");
    }

    /// The one number that a query finds.
    pub async fn number(&self, sql: &str) -> i64 {
        self.one(sql).await
    }

    /// The one value of bytes that a query finds.
    pub async fn bytes(&self, sql: &str) -> Vec<u8> {
        self.one(sql).await
    }

    async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let mut connection = self.connect().await;
        let sql = AssertSqlSafe(self.dialect(sql));
        let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("a row");
        connection.close().await.expect("closed");
        row.get(0)
    }

    /// The name of every column of every table.
    pub async fn columns(&self) -> Vec<String> {
        let mut connection = self.connect().await;
        let columns = self.tables(&mut connection).await;
        connection.close().await.expect("closed");
        columns.into_iter().map(|(_, column, _)| column).collect()
    }

    /// Every row of every table, as literals of SQL, as of one moment. Which nodes run is not among them.
    pub async fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let mut connection = self.connect().await;
        let mut values = BTreeMap::<_, Vec<_>>::new();
        for (table, _, literal) in self.tables(&mut connection).await {
            values.entry(table).or_default().push(literal);
        }
        let selects: Vec<_> = values
            .iter()
            .map(|(table, values)| format!("SELECT '{table}', {} FROM \"{table}\"", values.join("||' '||")))
            .collect();
        let all = AssertSqlSafe(selects.join(" UNION ALL "));
        let found = sqlx::query(all).fetch_all(&mut connection).await.expect("rows");
        connection.close().await.expect("closed");
        let mut rows: BTreeMap<String, Vec<String>> =
            values.into_keys().map(|table| (table, Vec::new())).collect();
        for row in found {
            rows.entry(row.get(0)).or_default().push(row.get(1));
        }
        for rows in rows.values_mut() {
            rows.sort();
        }
        rows
    }

    /// Keeps everybody else from writing.
    pub async fn hold_writers(&self) -> HeldWriters {
        let mut connection = self.connect().await;
        let begin = if self.is_postgres {
            "BEGIN; SELECT sequence FROM feed WHERE id = 1 FOR UPDATE"
        } else {
            "BEGIN IMMEDIATE"
        };
        sqlx::raw_sql(begin).execute(&mut connection).await.expect("held");
        HeldWriters(connection)
    }

    async fn connect(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("a database");
        if !self.is_postgres {
            // As tools have it, unless they are told otherwise.
            let off = "PRAGMA foreign_keys = OFF";
            sqlx::query(off).execute(&mut connection).await.expect("a setting");
        }
        connection
    }

    async fn execute(&self, connection: &mut AnyConnection, sql: &str) -> Result<u64, sqlx::Error> {
        let done = sqlx::raw_sql(AssertSqlSafe(self.dialect(sql))).execute(connection).await?;
        Ok(done.rows_affected())
    }

    /// Each table's columns, in order: the table, the column, and what makes a literal of it.
    async fn tables(&self, connection: &mut AnyConnection) -> Vec<(String, String, String)> {
        let sql = if self.is_postgres {
            "SELECT c.relname::text, a.attname::text, CASE a.atttypid::regtype::text \
             WHEN 'bytea' THEN format('COALESCE(''X'''''' || upper(encode(%1$I, ''hex'')) || '''''''', ''NULL'')', a.attname) \
             WHEN 'bigint' THEN format('COALESCE(%1$I::text, ''NULL'')', a.attname) \
             ELSE format('COALESCE('''''''' || replace(%1$I::text, '''''''', '''''''''''') || '''''''', ''NULL'')', a.attname) END \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'nodes' \
             AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
        } else {
            "SELECT t.name, c.name, 'quote(\"' || c.name || '\")' FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' ORDER BY t.name, c.cid"
        };
        let columns = sqlx::query(sql).fetch_all(connection).await.expect("columns");
        columns.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// SQL with bytes as this database writes them. What is in a text stays as it is.
    fn dialect(&self, sql: &str) -> String {
        if !self.is_postgres {
            return sql.to_owned();
        }
        let (mut translated, mut is_bytes) = (String::new(), false);
        // Every second part is in quotes; a quote in a text is two, with nothing between them.
        for (at, part) in sql.split('\'').enumerate() {
            if at % 2 == 1 {
                write!(translated, "'{}{part}'", if is_bytes { r"\x" } else { "" }).expect("written");
                continue;
            }
            let before = part.strip_suffix('x').filter(|before| !before.ends_with(char::is_alphanumeric));
            is_bytes = before.is_some();
            translated.push_str(before.unwrap_or(part));
            if is_bytes {
                translated.push_str("bytea ");
            }
        }
        translated
    }
}

/// Every byte that is kept of the store of a folder: in its files, or in every row of its database.
pub async fn kept_bytes(folder: &Path) -> Vec<u8> {
    if is_on_postgres() {
        let rows = DatabaseTool::of(folder).rows().await;
        return rows.into_values().flatten().flat_map(|row| content(&row)).collect();
    }
    let files = fs::read_dir(folder).expect("a folder").filter_map(|file| file.ok().map(|file| file.path()));
    files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).expect("read")).collect()
}

/// A row's literals, and the bytes that they are of.
fn content(row: &str) -> Vec<u8> {
    let digits = row.split("X'").skip(1).filter_map(|rest| rest.split('\'').next());
    let pairs = digits.flat_map(|digits| digits.as_bytes().chunks_exact(2));
    let bytes = pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    row.bytes().chain(bytes).collect()
}

/// Nobody else writes; dropped, they go on.
pub struct HeldWriters(AnyConnection);

impl HeldWriters {
    /// They go on once this returns.
    pub async fn let_go(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.expect("let go");
    }
}
