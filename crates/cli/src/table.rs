//! A table of keys for people.

use std::io::stdout;

use keystead_app::operator::ListedKey;
use keystead_domain::Status;
use unicode_width::UnicodeWidthStr as _;

use crate::logging::coloured;

const HEAD: [&str; 7] = ["ID", "NAME", "TOKEN", "STATUS", "CREATED", "EXPIRES", "LAST USED"];
const STATUS: usize = 3;

/// One line a key, columns aligned.
pub(crate) fn keys(keys: &[ListedKey]) -> String {
    let rows: Vec<[String; 7]> = keys.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let colours = coloured(&stdout());
    let mut lines = vec![line(&HEAD.map(str::to_owned), &widths, None)];
    lines.extend(
        rows.iter().zip(keys).map(|(row, key)| line(row, &widths, colours.then(|| colour(status(key))))),
    );
    lines.join("\n")
}

fn row(key: &ListedKey) -> [String; 7] {
    let day = |time: &str| time.split('T').next().unwrap_or(time).to_owned();
    let minute = |time: &str| time.get(..16).unwrap_or(time).replace('T', " ");
    [
        key.id.clone(),
        key.name.clone(),
        key.masked_token.clone(),
        word(status(key)).to_owned(),
        day(&key.created_at),
        key.expires_at.as_deref().map_or_else(|| "Never".to_owned(), day),
        key.last_used_at
            .as_deref()
            .map_or_else(|| "Never".to_owned(), |time| format!("{} UTC", minute(time))),
    ]
}

/// `None`: a newer server knows a status that this command does not.
fn status(key: &ListedKey) -> Option<Status> {
    Status::parse(&key.status.to_ascii_lowercase()).ok()
}

fn word(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Active) => "Active",
        Some(Status::ExpiringSoon) => "Expiring soon",
        Some(Status::Expired) => "Expired",
        None => "Unknown",
    }
}

fn colour(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Active) => "\x1b[32m",
        Some(Status::ExpiringSoon) => "\x1b[33m",
        Some(Status::Expired) | None => "\x1b[31m",
    }
}

fn line(cells: &[String; 7], widths: &[usize; 7], colour: Option<&str>) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.width()) + 2);
        match colour {
            Some(colour) if at == STATUS => line.extend([colour, cell, "\x1b[0m", &padding]),
            _ => line.extend([cell.as_str(), &padding]),
        }
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, status: &str) -> ListedKey {
        ListedKey {
            id: "id".into(),
            name: name.into(),
            description: String::new(),
            masked_token: "ks_aaaa…bbbb".into(),
            status: status.into(),
            allow_impersonation: false,
            created_at: "2026-03-01T08:00:00Z".into(),
            expires_at: None,
            last_used_at: Some("2026-03-02T09:30:15Z".into()),
        }
    }

    #[test]
    fn columns_line_up_whatever_the_script_of_the_name_and_no_colour_reaches_a_pipe() {
        let text = keys(&[key("ci", "active"), key("生産", "expired")]);
        let at: Vec<usize> = text
            .lines()
            .map(|line| line[..line.find("TOKEN").or(line.find("ks_")).unwrap()].width())
            .collect();
        assert_eq!(at, [at[0]; 3], "{text}");
        assert!(text.contains("Expired") && text.contains("2026-03-02 09:30 UTC"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
}
