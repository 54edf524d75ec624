//! Adding up what the test programs say of themselves.

use std::fmt;

/// How many tests passed and failed, over all test programs of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Counts the closing line of one test program; any other line counts nothing.
    pub(crate) fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let count = |what| {
            let mut parts = result.split(['.', ';']);
            parts.find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
    }
}

/// The closing line of a run, the same for every runner of tests.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_test_programs_add_up() {
        let mut tally = Tally::default();
        tally.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.25s",
        );
        tally.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(tally.to_string(), "15 passed, 2 failed");
    }

    #[test]
    fn only_closing_lines_count() {
        let mut tally = Tally::default();
        tally.add("running 3 tests");
        tally.add("test tally::tests::results_add_up ... ok");
        tally.add("it printed: test result: ok. 1 passed; 0 failed");
        assert_eq!(tally, Tally::default());
    }
}
