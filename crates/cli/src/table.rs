//! Tables for people: one line a thing, columns aligned.

mod keys;
mod organizations;
mod signing_keys;
mod users;

use std::io::stdout;

use unicode_width::UnicodeWidthStr as _;

use crate::logging::coloured;

pub(crate) use keys::keys;
pub(crate) use organizations::organizations;
pub(crate) use signing_keys::signing_keys;
pub(crate) use users::users;

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";

/// A line of a table of `N` columns.
struct Row<const N: usize> {
    cells: [String; N],
    /// Of its status, on a terminal.
    colour: &'static str,
}

/// A table, whose column `status` has the colours.
fn table<const N: usize>(head: [&str; N], status: usize, rows: &[Row<N>]) -> String {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(cell.width());
        }
    }
    let colours = coloured(&stdout());
    let mut lines = vec![line(&head.map(str::to_owned), &widths, None)];
    lines.extend(rows.iter().map(|row| {
        let colour = colours.then_some((status, row.colour));
        line(&row.cells, &widths, colour)
    }));
    lines.join("\n")
}

fn line<const N: usize>(
    cells: &[String; N],
    widths: &[usize; N],
    colour: Option<(usize, &'static str)>,
) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.width()) + 2);
        match colour {
            Some((column, colour)) if at == column => line.extend([colour, cell, "\x1b[0m", &padding]),
            _ => line.extend([cell.as_str(), &padding]),
        }
    }
    line.trim_end().to_owned()
}

/// The day of an instant that is written as RFC 3339 has it.
fn day(time: &str) -> String {
    time.split('T').next().unwrap_or(time).to_owned()
}

/// Its minute.
pub(crate) fn minute(time: &str) -> String {
    format!("{} UTC", time.get(..16).unwrap_or(time).replace('T', " "))
}

/// The minute of an instant, or that there was none.
fn minute_or_never(time: Option<&str>) -> String {
    time.map_or_else(|| "Never".to_owned(), minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script_and_no_colour_reaches_a_pipe() {
        let row = |name: &str| Row { cells: [name.to_owned(), "Active".to_owned()], colour: GREEN };
        let text = table(["NAME", "STATUS"], 1, &[row("ci"), row("生産の鍵")]);
        let at: Vec<usize> = text
            .lines()
            .map(|line| line[..line.find("STATUS").or(line.find("Active")).unwrap()].width())
            .collect();
        assert_eq!(at, [at[0]; 3], "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
}
