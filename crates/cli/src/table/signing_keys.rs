//! `keystead signing-key list`.

use keystead_app::operator::ListedSigningKey;

use super::{GREEN, Row, YELLOW, minute, table};

/// A line a key.
pub(crate) fn signing_keys(keys: &[ListedSigningKey]) -> String {
    let head = ["ID", "STATE", "CREATED", "PUBLISHED UNTIL"];
    table(head, 1, &keys.iter().map(row).collect::<Vec<_>>())
}

fn row(key: &ListedSigningKey) -> Row<4> {
    let (word, colour) = match key.state.as_str() {
        "current" => ("Signs now", GREEN),
        "next" => ("Signs next", ""),
        _ => ("Signs no more", YELLOW),
    };
    let until = key.ends_at.as_deref().map_or_else(|| "-".to_owned(), minute);
    Row { cells: [key.id.clone(), word.to_owned(), minute(&key.created_at), until], colour }
}
