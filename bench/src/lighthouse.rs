//! Lighthouse: what the page is like on a phone, simulated. Installed by npm on first use, driving the system's Chromium.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::report::Spread;

const VERSION: &str = "13.5.0";
const ROUNDS: usize = 5;

/// What is shown of a report: its name, where it is, its factor and its digits.
const FIGURES: [(&str, &str, f64, usize); 8] = [
    ("performance", "/categories/performance/score", 100.0, 0),
    ("accessibility", "/categories/accessibility/score", 100.0, 0),
    ("best practices", "/categories/best-practices/score", 100.0, 0),
    ("largest contentful paint s", "/audits/largest-contentful-paint/numericValue", 1e-3, 2),
    ("total blocking time ms", "/audits/total-blocking-time/numericValue", 1.0, 0),
    ("cumulative layout shift", "/audits/cumulative-layout-shift/numericValue", 1.0, 3),
    ("bytes of all answers", "/audits/total-byte-weight/numericValue", 1.0, 0),
    ("requests", "", 1.0, 0),
];

/// Measures a page with its default profile: a mid-range phone on slow 4G, both simulated.
pub(crate) fn run(page: &str, cookie: &str) -> Result<()> {
    let program = install()?;
    let folder = tempfile::tempdir()?;
    // In a file, so that the session is not on a command line.
    let headers = folder.path().join("headers.json");
    std::fs::write(&headers, serde_json::json!({ "Cookie": cookie }).to_string())?;
    let mut reports = Vec::new();
    for _ in 0..ROUNDS {
        let mut lighthouse = Command::new("node");
        lighthouse.arg(&program).arg(page).arg("--extra-headers").arg(&headers).args([
            "--output=json",
            "--quiet",
            "--only-categories=performance,accessibility,best-practices",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        ]);
        if let Some(chromium) = on_path("chromium") {
            lighthouse.env("CHROME_PATH", chromium);
        }
        let output = lighthouse.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "lighthouse failed ({})", output.status);
        let report: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(report["finalDisplayedUrl"] == page, "it was sent to {}", report["finalDisplayedUrl"]);
        reports.push(report);
    }
    println!("\n| Lighthouse {VERSION}, {ROUNDS} runs | median (least to greatest) |\n|---|---|");
    for (name, pointer, factor, digits) in FIGURES {
        let figure = |report| figure(report, pointer).map(|figure| figure * factor);
        let figures = reports.iter().map(figure).collect::<Option<Vec<_>>>();
        println!("| {name} | {} |", Spread::new(figures.with_context(|| format!("no {name}"))?, digits));
    }
    for audit in failed_audits(&reports) {
        println!("\nNot passed: {audit}");
    }
    Ok(())
}

fn figure(report: &Value, pointer: &str) -> Option<f64> {
    if pointer.is_empty() {
        let requests = report.pointer("/audits/network-requests/details/items")?.as_array()?;
        return Some(requests.len() as f64);
    }
    report.pointer(pointer)?.as_f64()
}

/// The audits that cost points in the last report.
fn failed_audits(reports: &[Value]) -> Vec<String> {
    let Some(report) = reports.last() else { return Vec::new() };
    let categories =
        ["performance", "accessibility", "best-practices"].map(|name| &report["categories"][name]);
    let audits = categories.into_iter().filter_map(|category| category["auditRefs"].as_array()).flatten();
    let counted = audits.filter(|audit| audit["weight"].as_f64() > Some(0.0));
    let failed = counted.filter_map(|audit| {
        let audit = &report["audits"][audit["id"].as_str()?];
        let score = audit["score"].as_f64().filter(|score| *score < 0.9)?;
        Some(format!("{} ({score})", audit["title"].as_str()?))
    });
    failed.collect()
}

/// Where its program is. Under `target/tools`, like the other tools of the repository.
fn install() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(|profile| profile.parent()).context("a target directory")?;
    let folder = target.join("tools").join(format!("lighthouse-{VERSION}"));
    let file = folder.join("node_modules/lighthouse/cli/index.js");
    if !file.exists() {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-save",
            "--no-package-lock",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]);
        npm.arg("--prefix").arg(&folder).arg(format!("lighthouse@{VERSION}"));
        // What it prints is no table.
        let status = npm.stdin(Stdio::null()).stdout(Stdio::null()).status().context("cannot start npm")?;
        ensure!(status.success() && file.exists(), "npm could not install lighthouse ({status})");
    }
    Ok(file)
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
