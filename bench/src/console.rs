//! The console's bar: what the keys page costs the server, the network and a phone.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, COOKIE};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::fill;
use crate::lighthouse;
use crate::report::{Spread, percentile};

/// Requests that are timed, in each of so many rounds.
const REQUESTS: usize = 200;
const ROUNDS: usize = 5;

pub(crate) fn run() -> Result<()> {
    let runtime = Runtime::new()?;
    let large = Console::start(&runtime, 1, 10_000)?;
    runtime.block_on(time_pages(&large))?;
    drop(large);
    // A page shows 50 at most.
    let small = Console::start(&runtime, 1, 50)?;
    runtime.block_on(weigh(&small))?;
    lighthouse::run(&small.page(), &small.cookie)
}

/// A server on a store whose first user is signed in.
pub(crate) struct Console {
    pub(crate) url: String,
    /// The `Cookie` header of the session.
    cookie: String,
    _process: Child,
    _folder: TempDir,
}

impl Console {
    pub(crate) fn start(runtime: &Runtime, users: usize, keys: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let session = runtime.block_on(async {
            fill::store(folder.path(), users, keys).await?;
            let app = fill::open(folder.path()).await?;
            let session = fill::sign_in(&app).await?.0;
            app.close().await?;
            anyhow::Ok(session)
        })?;
        let mut process = Child::start(["serve", folder.path().to_str().context("a path")?])?;
        Ok(Self {
            url: process.line()?,
            cookie: format!("keystead={session}"),
            _process: process,
            _folder: folder,
        })
    }

    fn page(&self) -> String {
        format!("{}/settings/api-keys", self.url)
    }

    /// A body as it came, and its encoding.
    pub(crate) async fn get(&self, client: &Client, url: &str, encoding: &str) -> Result<(Vec<u8>, String)> {
        let request = client.get(url).header(COOKIE, &self.cookie).header(ACCEPT_ENCODING, encoding);
        let answer = request.send().await?.error_for_status()?;
        let encoding = answer.headers().get(CONTENT_ENCODING).map_or(Ok("identity"), |name| name.to_str())?;
        let encoding = encoding.to_owned();
        Ok((answer.bytes().await?.to_vec(), encoding))
    }
}

/// Client without redirects: a page that sends to the sign-in page is no keys page.
pub(crate) fn client() -> Result<Client> {
    Ok(Client::builder().redirect(reqwest::redirect::Policy::none()).build()?)
}

async fn time_pages(console: &Console) -> Result<()> {
    println!(
        "{REQUESTS} requests one after another on one connection, {ROUNDS} rounds; median (least to greatest)\n"
    );
    println!("| keys page, a user with 10,000 keys | p50 ms | p95 ms |\n|---|---|---|");
    let client = client()?;
    for (what, query) in [("first page", ""), ("a search", "?q=service+77")] {
        let url = console.page() + query;
        let (mut p50, mut p95) = (vec![], vec![]);
        for round in 0..=ROUNDS {
            let mut times = Vec::new();
            for _ in 0..REQUESTS {
                let start = Instant::now();
                let (html, _) = console.get(&client, &url, "gzip, br").await?;
                times.push(start.elapsed().as_secs_f64() * 1e3);
                ensure!(!html.is_empty(), "an empty page");
            }
            times.sort_unstable_by(f64::total_cmp);
            // The first round is to warm up.
            if round > 0 {
                p50.push(percentile(&times, 50));
                p95.push(percentile(&times, 95));
            }
        }
        println!("| {what} | {} | {} |", Spread::new(p50, 2), Spread::new(p95, 2));
    }
    Ok(())
}

/// What a browser loads for the page of 50 rows, byte by byte as it is sent.
async fn weigh(console: &Console) -> Result<()> {
    let client = client()?;
    let page = console.page();
    let (html, _) = console.get(&client, &page, "identity").await?;
    let html = String::from_utf8(html)?;
    let rows = html.matches("/revoke").count();
    ensure!(rows >= 50, "the page has {rows} rows");
    let linked = html.split('"').filter(|text| text.starts_with("/assets/"));
    let mut assets: Vec<&str> = linked.filter_map(|address| address.split('#').next()).collect();
    assets.sort_unstable();
    assets.dedup();
    println!("\n| keys page with 50 rows | bytes | gzip | br |\n|---|---|---|---|");
    let mut totals = [0; 3];
    for url in [page].into_iter().chain(assets.iter().map(|asset| format!("{}{asset}", console.url))) {
        let mut sizes = [0; 3];
        for (nth, encoding) in ["identity", "gzip", "br"].into_iter().enumerate() {
            let (body, _) = console.get(&client, &url, encoding).await?;
            sizes[nth] = body.len();
            totals[nth] += body.len();
        }
        let name = url.rsplit('/').next().unwrap_or_default();
        println!("| {name} | {} | {} | {} |", sizes[0], sizes[1], sizes[2]);
    }
    println!("| {} requests | {} | {} | {} |", assets.len() + 1, totals[0], totals[1], totals[2]);
    Ok(())
}
