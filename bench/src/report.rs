//! Figures with their spread.

use std::fmt;

/// The median of several measurements of one thing, with the least and the greatest.
pub(crate) struct Spread {
    sorted: Vec<f64>,
    digits: usize,
}

impl Spread {
    /// Printed with so many digits after the point.
    pub(crate) fn new(figures: impl IntoIterator<Item = f64>, digits: usize) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self { sorted, digits }
    }

    pub(crate) fn median(&self) -> f64 {
        percentile(&self.sorted, 50)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, greatest) = (percentile(&self.sorted, 0), percentile(&self.sorted, 100));
        let digits = self.digits;
        write!(f, "{:.digits$} ({least:.digits$} to {greatest:.digits$})", self.median())
    }
}

/// The figure that so many of a hundred are not above; `sorted` goes up.
pub(crate) fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or_default()
}
