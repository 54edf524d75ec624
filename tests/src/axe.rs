//! axe-core, the accessibility checker, in the page that a browser shows.

use serde_json::{Value, json};

use crate::{Browser, tool};

/// The path of `axe.min.js`, when it is not where `cargo xtask test --only install` puts it.
const VARIABLE: &str = "KEYSTEAD_TEST_AXE";

/// Runs all rules that are on by default and those on target sizes; and, for text in the colour of the body alone, contrast
/// of 7:1 (what has less than 4.5:1 breaks the lesser rule). Returns a line for each element with a violation.
const RUN: &str = r"
    const done = arguments[0];
    const rules = { 'target-size': { enabled: true }, 'color-contrast-enhanced': { enabled: true } };
    const ink = getComputedStyle(document.body).color;
    const counts = (rule, node) => rule.id !== 'color-contrast-enhanced'
        || getComputedStyle(document.querySelector(node.target[0])).color === ink;
    // Of what fades in, the colours count that it comes to.
    const moves = document.getAnimations().filter(move => Number.isFinite(move.effect.getComputedTiming().endTime));
    Promise.allSettled(moves.map(move => move.finished)).then(
        () => axe.run(document, { rules, resultTypes: ['violations'] })).then(
        result => done(result.violations.flatMap(rule => rule.nodes.filter(node => counts(rule, node)).map(
            node => `${rule.id}: ${node.html.slice(0, 160)} (${node.failureSummary.replace(/\s+/g, ' ')})`))),
        error => done([`axe failed: ${error}`]));";

impl Browser {
    /// Puts axe-core into every page that is loaded from now on.
    pub async fn with_axe(self) -> Self {
        let path = tool::find("axe-core", "node_modules/axe-core/axe.min.js", VARIABLE);
        let source = std::fs::read_to_string(&path);
        let source = source.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        self
    }

    /// Looks at the page in both themes, on a wide screen and on the narrowest that counts (WCAG 2.2, 1.4.10), and notes what is
    /// wrong. Leaves the screen wide.
    pub async fn look(&self, state: &str, wrong: &mut Vec<String>) {
        for (width, dark) in [(1280, false), (1280, true), (390, true), (320, true), (320, false)] {
            self.resize(width, 900).await;
            self.prefer_dark(dark).await;
            let theme = if dark { "dark" } else { "light" };
            let sideways = self.sideways().await;
            if sideways > 0 {
                wrong.push(format!("{state}, {width} px: {sideways} px stick out sideways"));
            }
            if width != 390 {
                let found = self.violations().await;
                wrong.extend(found.into_iter().map(|line| format!("{state}, {width} px, {theme}: {line}")));
            }
        }
        self.resize(1280, 900).await;
    }

    /// What axe-core finds wrong with the page, a line for each element.
    pub async fn violations(&self) -> Vec<String> {
        let found = self.driver.execute_async(RUN, Vec::<Value>::new()).await.expect("axe runs");
        serde_json::from_value(found.json().clone()).expect("lines")
    }
}
