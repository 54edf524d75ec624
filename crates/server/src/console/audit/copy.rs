//! A copy of the log as a file: written while it is read, a batch at a time.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use keystead_app::{AuditExport, ExportBatch, ExportFormat};
use keystead_domain::Error;
use keystead_domain::audit::{checkpoint_line, event_line};
use keystead_domain::hex;
use uuid::Uuid;

use super::super::visit::SignedIn;
use super::words;
use crate::csv;

/// The file. A fault on the way breaks the transfer off, so that nobody takes a part for the whole.
pub(super) fn answer(visit: &SignedIn, export: AuditExport, format: ExportFormat) -> Response {
    let day = visit.now().strftime("%Y-%m-%d");
    let name = format!("attachment; filename=\"audit-log-{day}.{}\"", format.name());
    let (kind, head) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", csv::row(&COLUMNS)),
        ExportFormat::JsonLines => ("application/x-ndjson", String::new()),
    };
    let doors = visit.doors.clone();
    let parts = try_unfold((export, Some(head)), move |(mut export, head)| {
        let doors = doors.clone();
        async move {
            let Some(batch) = doors.app().next_export_batch(&mut export).await? else { return Ok(None) };
            let mut text = head.unwrap_or_default();
            match format {
                ExportFormat::Csv => as_csv(&batch, &mut text),
                ExportFormat::JsonLines => as_lines(&batch, &mut text),
            }
            Ok::<_, Error>(Some((Bytes::from(text), (export, None))))
        }
    });
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_DISPOSITION, name.as_str()),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

fn as_lines(batch: &ExportBatch, text: &mut String) {
    for (event, link) in &batch.events {
        text.push_str(&event_line(event, link));
        text.push('\n');
    }
    if let Some(checkpoint) = &batch.checkpoint {
        text.push_str(&checkpoint_line(checkpoint));
        text.push('\n');
    }
}

const COLUMNS: [&str; 15] = [
    "number",
    "at",
    "user",
    "name",
    "email",
    "via",
    "via id",
    "via name",
    "address",
    "action",
    "what",
    "target",
    "target name",
    "details",
    "link",
];

fn as_csv(batch: &ExportBatch, text: &mut String) {
    let id = |id: Option<[u8; 16]>| id.map_or_else(String::new, |id| Uuid::from_bytes(id).to_string());
    let names = &batch.names;
    for (event, link) in &batch.events {
        let user = event.user.and_then(|user| names.user(user.as_bytes()));
        text.push_str(&csv::row(&[
            &event.sequence.to_string(),
            &event.at.to_string(),
            &event.user.map_or_else(String::new, |user| user.to_string()),
            user.map_or("", |user| &user.name),
            user.map_or("", |user| &user.email),
            &event.via,
            &id(event.via_id),
            &words::via_name(event, names).unwrap_or_default(),
            event.address.as_deref().unwrap_or_default(),
            &event.action,
            &words::what(event),
            &id(event.target),
            &words::target(event, names).unwrap_or_default(),
            &event.details,
            &hex::encode(link),
        ]));
    }
}
