//! Stores of any size, made faster than through the front door.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use keystead_app::operator::{Answer, Command};
use keystead_app::{
    App, Clock, DatabaseUrl, Deployment, Entropy, NodeSettings, Passwords, Place, RequestOrigin, SharedStore,
    StoreSecret,
};
use keystead_domain::Actor;
use keystead_token::{Prefix, Token};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// The address of the administrator who is in every store.
const ADMINISTRATOR: &str = "ada@example.com";

/// The real thing on the real clock.
pub(crate) async fn open(folder: &Path) -> Result<App> {
    open_of(folder, Deployment::default()).await
}

async fn open_of(place: impl Into<Place>, deployment: Deployment) -> Result<App> {
    Ok(App::open(place, deployment, Passwords::default(), Clock::system(), Entropy::system()).await?)
}

/// Another node of a store on PostgreSQL.
pub(crate) async fn open_node(url: &str, secret: &str, name: &str) -> Result<App> {
    let shared = SharedStore {
        url: DatabaseUrl::new(url),
        node: NodeSettings { name: name.to_owned(), version: "bench".to_owned(), lease: None },
        secret: StoreSecret::new(secret)?,
    };
    open_of(Place { folder: PathBuf::new(), shared: Some(shared) }, Deployment::default()).await
}

/// Makes a store with one administrator.
pub(crate) async fn empty(folder: &Path) -> Result<App> {
    empty_of(folder, Deployment::default()).await
}

/// The same of a deployment.
pub(crate) async fn empty_of(folder: &Path, deployment: Deployment) -> Result<App> {
    let app = open_of(folder, deployment).await?;
    add_administrator(&app).await?;
    Ok(app)
}

/// Adds the administrator to a store that has nobody.
pub(crate) async fn add_administrator(app: &App) -> Result<()> {
    let add = Command::UserAdd {
        email: ADMINISTRATOR.to_owned(),
        organization: None,
        name: Some("Ada Lovelace".to_owned()),
        role: "administrator".to_owned(),
        password: None,
    };
    match app.operate(add).await {
        Answer::User { .. } => Ok(()),
        _ => bail!("the administrator could not be added"),
    }
}

/// Signs the administrator in: the session's cookie, and who they are.
pub(crate) async fn sign_in(app: &App) -> Result<(String, Actor)> {
    let link = Command::UserSignInLink { email: ADMINISTRATOR.to_owned(), organization: None };
    let Answer::SignInLink { code } = app.operate(link).await else { bail!("there is no link to sign in") };
    let signed_in = app.use_sign_in_link(&code, RequestOrigin::default()).await?;
    Ok((signed_in.cookie.expose().to_owned(), signed_in.actor))
}

/// Makes a store with `keys` keys that work, one after another of `users` users, the first of whom is the administrator.
pub(crate) async fn store(folder: &Path, users: usize, keys: usize) -> Result<Vec<Token>> {
    empty(folder).await?.close().await?;
    let mut database = SqliteConnectOptions::new().filename(folder.join("keystead.db")).connect().await?;
    // The checks of the schema are left on, the waiting for the disk is not.
    for pragma in ["PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000"] {
        sqlx::query(pragma).execute(&mut database).await?;
    }
    let mut transaction = database.begin().await?;
    add_users(&mut transaction, users).await?;
    let mut tokens = Vec::with_capacity(keys);
    while tokens.len() < keys {
        let batch = mint(10_000.min(keys - tokens.len()))?;
        add_keys(&mut transaction, tokens.len(), users, &batch).await?;
        tokens.extend(batch);
    }
    transaction.commit().await?;
    database.close().await?;
    Ok(tokens)
}

async fn add_users(database: &mut SqliteConnection, users: usize) -> Result<()> {
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
         INSERT INTO users (id, organization_id, email, email_folded, name, active, created_at, search_text)
         SELECT unhex(printf('%016x%016x', i, 0)), (SELECT id FROM organizations), i || '@example.com',
         i || '@example.com', 'User ' || i, 1, $2, 'user ' || i || char(10) || i || '@example.com' FROM n WHERE $1 > 1",
    )
    .bind(i64::try_from(users)?)
    .bind(now().as_millisecond())
    .execute(&mut *database)
    .await?;
    sqlx::query("INSERT INTO user_roles (user_id, role) SELECT id, 'member' FROM users WHERE rowid > 1")
        .execute(database)
        .await?;
    Ok(())
}

/// Names are half random, so that a page of them does not compress better than a real one.
async fn add_keys(
    database: &mut SqliteConnection,
    first: usize,
    users: usize,
    tokens: &[Token],
) -> Result<()> {
    let hashes: Vec<String> = tokens.iter().map(|token| hex(token.hash().as_bytes())).collect();
    sqlx::query(
        "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description,
         search_text, allow_impersonation, created_at, expires_at, last_used_at)
         SELECT unhex(printf('%016x%016x', i, 0)), (SELECT id FROM organizations),
         (SELECT id FROM users WHERE rowid = 1 + i % $3), unhex(hash), masked, name, description,
         lower(name || char(10) || description || char(10) || masked), 0, $4 - 86400000 - i * 1000,
         CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN ($4 / 1000 + 5 * 86400) * 1000 ELSE ($4 / 1000 + 80 * 86400) * 1000 END,
         iif(i % 4 = 0, NULL, $4 - i * 37) FROM
         (SELECT $2 + key AS i, value AS hash, 'ks_' || substr(value, 1, 4) || '…' || substr(value, -4) AS masked,
          'service ' || key || ' in ' || lower(hex(randomblob(4))) AS name,
          'Reads what team ' || lower(hex(randomblob(6))) || ' needs.' AS description FROM json_each($1))",
    )
    .bind(serde_json::to_string(&hashes)?)
    .bind(i64::try_from(first)? + 1)
    .bind(i64::try_from(users)?)
    .bind(now().as_millisecond())
    .execute(database)
    .await?;
    Ok(())
}

/// New tokens of keys.
pub(crate) fn mint(count: usize) -> Result<Vec<Token>> {
    let prefix = Prefix::key_default();
    (0..count).map(|_| Ok(Token::mint(&prefix, &random()?))).collect()
}

/// Random bytes, for what ends with the measurement.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    Entropy::system().bytes().context("the system gave no random bytes")
}

fn now() -> Timestamp {
    Clock::system().now()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        _ = write!(text, "{byte:02x}");
    }
    text
}
