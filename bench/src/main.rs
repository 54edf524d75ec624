//! Measures a release build: `cargo xtask bench BENCHMARK`. Figures are Markdown tables; what they mean, and those that were
//! measured last, are in `bench/README.md`.
//!
//! Whatever is measured runs in a process of its own, this program started once more with a hidden word, so that its time
//! and memory can be told from the measurement's.
#![expect(clippy::print_stdout, reason = "a program for people at a terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with a few digits")]

mod child;
mod console;
mod create;
mod directory;
mod fill;
mod http;
mod lighthouse;
mod mcp;
mod nodes;
mod people;
mod report;
mod sessions;
mod start;

use std::time::Instant;

use anyhow::{Result, bail};

/// A word of the command line.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "http", about: "/verify against a bare server of the same HTTP stack", run: http::run },
    Bench { name: "directory", about: "a verification in the process, and its memory", run: directory::run },
    Bench { name: "start", about: "a start with a million keys", run: start::run },
    Bench { name: "create", about: "durable creates a second", run: create::run },
    Bench { name: "console", about: "the keys page: time to render, size, Lighthouse", run: console::run },
    Bench { name: "sessions", about: "minting and checking impersonated sessions", run: sessions::run },
    Bench {
        name: "mcp",
        about: "tools at /mcp against the protocol's SDK with an empty tool",
        run: mcp::run,
    },
    Bench {
        name: "nodes",
        about: "many nodes on PostgreSQL: revocations, checks meanwhile, starts",
        run: nodes::run,
    },
    Bench { name: "people", about: "a role change, and the pages that list everybody", run: people::run },
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["--help"] => print_help(),
        ["all"] => {
            let start = Instant::now();
            for bench in BENCHES {
                run(bench)?;
            }
            println!("\nAll of it took {:.0} s.", start.elapsed().as_secs_f64());
        }
        // What the benchmarks start as processes of their own.
        ["serve", folder] => http::server::keystead(folder.as_ref())?,
        ["serve-axum", ref headers @ ..] => http::server::axum(headers)?,
        ["serve-hyper", ref headers @ ..] => http::server::hyper(headers)?,
        ["serve-sdk"] => mcp::server::sdk()?,
        ["node", url, secret] => nodes::process::serve(url, secret)?,
        ["node-open", url, secret, token] => nodes::process::open(url, secret, token)?,
        ["hold", keys] => directory::hold(keys.parse()?)?,
        ["open", folder, token] => start::open(folder.as_ref(), token)?,
        [name] if BENCHES.iter().any(|bench| bench.name == name) => {
            BENCHES.iter().filter(|bench| bench.name == name).try_for_each(run)?;
        }
        _ => bail!("there is no such benchmark: `cargo xtask bench --help` lists them"),
    }
    Ok(())
}

fn run(bench: &Bench) -> Result<()> {
    let start = Instant::now();
    println!("\n## {}: {}\n", bench.name, bench.about);
    (bench.run)()?;
    println!("\n({} took {:.0} s)", bench.name, start.elapsed().as_secs_f64());
    Ok(())
}

fn print_help() {
    println!("Measures Keystead\n\nUsage: cargo xtask bench all|BENCHMARK\n");
    for Bench { name, about, .. } in BENCHES {
        println!("  {name:12}{about}");
    }
}
