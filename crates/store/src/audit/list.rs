//! The log as people look at it: filtered, newest first; and filtered copies of it, oldest first.
//!
//! Each statement is a constant. An index finds the numbers, and only then are events read: the index of the target, the user,
//! the action, or of user and action together. All of them hold the number, so that a page begins where the one before it ended.
//! `CROSS JOIN` keeps SQLite to that order; left to itself it would read every event of the organization.

use futures_util::StreamExt as _;
use jiff::Timestamp;
use keystead_domain::AuditScope;
use keystead_domain::audit::{Action, AuditFilter, AuditPageRequest, Event, ViaKind};
use sqlx::Row as _;

use super::linked_event;
use crate::{Store, StoreError};

/// `$7` is a list of actions with a blank before and after each, or nothing.
macro_rules! filtered {
    ($index:literal, $order:literal) => {
        concat!(
            "SELECT e.sequence, e.at, e.user_id, e.via, e.via_id, e.address, e.action, e.target, e.details, e.link \
             FROM audit_events i CROSS JOIN audit_events e WHERE i.organization_id = $1 AND i.sequence > $2 AND i.sequence < $3 AND ",
            $index,
            " AND e.organization_id = i.organization_id AND e.sequence = i.sequence AND e.at >= $4 AND e.at < $5 \
             AND ($6 = '' OR e.via = $6) AND ($7 = '' OR $7 LIKE '% ' || e.action || ' %') \
             AND (length($8) = 0 OR e.user_id = $8) AND (length($9) = 0 OR e.target = $9) ORDER BY i.sequence ",
            $order,
            " LIMIT $10"
        )
    };
}
/// Newest first, and oldest first.
macro_rules! both_ways {
    ($index:literal) => {
        [filtered!($index, "DESC"), filtered!($index, "ASC")]
    };
}

const OF_TARGET: [&str; 2] = both_ways!("i.target = $9");
const OF_USER: [&str; 2] = both_ways!("i.user_id = $8");
const OF_ACTION: [&str; 2] = both_ways!("i.action = trim($7)");
/// The number is compared as a range, so that the index of actions answers and not the table.
const OF_USER_AND_ACTION: [&str; 2] = both_ways!(
    "i.user_id = $8 AND EXISTS (SELECT 1 FROM audit_events a WHERE a.organization_id = $1 AND a.action = trim($7) \
     AND a.sequence >= i.sequence AND a.sequence <= i.sequence)"
);
const OF_ALL: [&str; 2] = both_ways!("i.sequence > 0");

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
        let by_action = match filter {
            AuditFilter { target: Some(_), .. } => {
                return self.of(scope, filter, None, &span, OF_TARGET).await;
            }
            AuditFilter { actions, user, .. } if actions.is_empty() => {
                let statements = if user.is_some() { OF_USER } else { OF_ALL };
                return self.of(scope, filter, None, &span, statements).await;
            }
            AuditFilter { user: Some(_), .. } => OF_USER_AND_ACTION,
            AuditFilter { user: None, .. } => OF_ACTION,
        };
        // One action after the other: the index has the order of one only.
        let mut events = Vec::new();
        for action in &filter.actions {
            events.extend(self.of(scope, filter, Some(*action), &span, by_action).await?);
        }
        events.sort_unstable_by_key(
            |(event, _)| {
                if span.oldest_first { event.sequence } else { -event.sequence }
            },
        );
        events.truncate(usize::try_from(span.limit).unwrap_or(usize::MAX));
        Ok(events)
    }

    /// The events of a filter, of one of its actions only or of all of them.
    async fn of(
        &self,
        scope: &AuditScope,
        filter: &AuditFilter,
        action: Option<Action>,
        span: &Span,
        [newest_first, oldest_first]: [&'static str; 2],
    ) -> Result<Vec<(Event, [u8; 32])>, StoreError> {
        let (from, to) = millis(filter);
        let actions = action.as_ref().map_or(&filter.actions[..], std::slice::from_ref);
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
