//! The log as people look at it: filtered, newest first; and filtered copies of it, oldest first.
//!
//! Each statement is a constant, and reads no event that another filter than the time or the way in would leave out if an index
//! can tell: that of the target, the user or the action, whichever is given first. All of them hold the number, so that a page
//! begins where the one before it ended.

use futures_util::StreamExt as _;
use jiff::Timestamp;
use keystead_domain::AuditScope;
use keystead_domain::audit::{Action, AuditFilter, AuditPageRequest, Event, ViaKind};
use sqlx::Row as _;

use super::{columns, linked_event};
use crate::{Store, StoreError};

/// `$7` is a list of actions with a blank before and after each, or nothing.
macro_rules! filtered {
    ($driver:literal, $order:literal) => {
        columns!(concat!(
            $driver,
            " AND sequence > $2 AND sequence < $3 AND at >= $4 AND at < $5 AND ($6 = '' OR via = $6) \
             AND ($7 = '' OR $7 LIKE '% ' || action || ' %') AND (length($8) = 0 OR user_id = $8) \
             AND (length($9) = 0 OR target = $9) ORDER BY sequence ",
            $order,
            " LIMIT $10"
        ))
    };
}
/// Newest first, and oldest first.
macro_rules! both_ways {
    ($driver:literal) => {
        [filtered!($driver, "DESC"), filtered!($driver, "ASC")]
    };
}

const OF_TARGET: [&str; 2] = both_ways!("target = $9");
const OF_USER: [&str; 2] = both_ways!("user_id = $8");
const OF_ACTION: [&str; 2] = both_ways!("action = trim($7)");
const OF_ALL: [&str; 2] = both_ways!("sequence > 0");

/// From which number, to which, in which direction, and how many at most. Both numbers are left out themselves.
struct Span {
    after: i64,
    before: i64,
    oldest_first: bool,
    limit: i64,
}

impl Store {
    /// A page of the log, newest first: one more event than was asked for, if there are more.
    pub async fn audit_page(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        page: &AuditPageRequest,
    ) -> Result<Vec<Event>, StoreError> {
        let before = page.after.map_or(i64::MAX, |after| after.sequence);
        let limit = i64::from(page.first) + 1;
        let span = Span { after: 0, before, oldest_first: false, limit };
        let events = self.filtered(scope, filter, span).await?;
        Ok(events.into_iter().map(|(event, _)| event).collect())
    }

    /// Up to `limit` events of the filter after a number and up to another, oldest first, each with its link.
    pub async fn audit_copy(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        after: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<(Event, [u8; 32])>, StoreError> {
        let span = Span { after, before: until.saturating_add(1), oldest_first: true, limit };
        self.filtered(scope, filter, span).await
    }

    async fn filtered(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        mut span: Span,
    ) -> Result<Vec<(Event, [u8; 32])>, StoreError> {
        if filter.from.is_some() || filter.to.is_some() {
            let Some((first, last)) = self.numbers_between(scope, filter).await? else {
                return Ok(Vec::new());
            };
            span.after = span.after.max(first - 1);
            span.before = span.before.min(last + 1);
        }
        let statements =
            match filter {
                AuditFilter { target: Some(_), .. } => OF_TARGET,
                AuditFilter { user: Some(_), .. } => OF_USER,
                AuditFilter { actions, .. } if !actions.is_empty() => {
                    // One after the other: an index has the order of one action only.
                    let mut events = Vec::new();
                    for action in actions {
                        events.extend(self.of_index(scope, filter, &[*action], &span, OF_ACTION).await?);
                    }
                    events.sort_unstable_by_key(|(event, _)| {
                        if span.oldest_first { event.sequence } else { -event.sequence }
                    });
                    events.truncate(usize::try_from(span.limit).unwrap_or(usize::MAX));
                    return Ok(events);
                }
                _ => OF_ALL,
            };
        self.of_index(scope, filter, &filter.actions, &span, statements).await
    }

    async fn of_index(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        actions: &[Action],
        span: &Span,
        [newest_first, oldest_first]: [&'static str; 2],
    ) -> Result<Vec<(Event, [u8; 32])>, StoreError> {
        let (from, to) = millis(filter);
        let actions = actions.iter().fold(String::new(), |list, action| format!("{list} {} ", action.name()));
        let mut rows = sqlx::query(if span.oldest_first { oldest_first } else { newest_first })
            .bind(&scope.organization().as_bytes()[..])
            .bind(span.after)
            .bind(span.before)
            .bind(from)
            .bind(to)
            .bind(filter.via.map_or("", ViaKind::name))
            .bind(actions)
            .bind(filter.user.map_or_else(Vec::new, |user| user.as_bytes().to_vec()))
            .bind(filter.target.map_or_else(Vec::new, Vec::from))
            .bind(span.limit)
            .fetch(&self.readers);
        let mut events = Vec::new();
        while let Some(row) = rows.next().await {
            match row.map_err(StoreError::from).and_then(|row| linked_event(&row, scope.organization())) {
                Ok(event) => events.push(event),
                Err(error) if error.is_unreadable() => {
                    tracing::error!(?error, "an event of the audit log cannot be read; it is not listed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    /// The first and last number of the events in the filter's time, read from the index alone. Numbers and instants do not
    /// always go up together: a clock may be set back between two runs.
    async fn numbers_between(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let (from, to) = millis(filter);
        let row = sqlx::query(
            "SELECT MIN(sequence), MAX(sequence) FROM audit_events WHERE organization_id = $1 AND at >= $2 AND at < $3",
        )
        .bind(&scope.organization().as_bytes()[..])
        .bind(from)
        .bind(to)
        .fetch_one(&self.readers)
        .await?;
        let first: Option<i64> = row.try_get(0)?;
        Ok(first.zip(row.try_get(1)?))
    }
}

/// The filter's time as the store keeps instants: the first that is in it, and the first that is not.
fn millis(filter: &AuditFilter) -> (i64, i64) {
    let rounded_up = |at: Timestamp| {
        let millis = at.as_millisecond();
        if Timestamp::from_millisecond(millis).is_ok_and(|whole| whole < at) { millis + 1 } else { millis }
    };
    (filter.from.map_or(i64::MIN, rounded_up), filter.to.map_or(i64::MAX, rounded_up))
}
