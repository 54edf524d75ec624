//! What the operator asks of audit logs.

use keystead_domain::audit::{AuditFilter, PublicKey, Trace, checkpoint_line, event_line};
use keystead_domain::{AuditScope, Error, Field, Operator};
use serde::{Deserialize, Serialize};

use crate::open::fault;
use crate::{App, CheckedLog, ExportFormat};

/// A command about audit logs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AuditCommand {
    /// Check every log.
    Verify {
        /// Checkpoints that were kept elsewhere, as lines of JSON.
        checkpoints: Vec<String>,
        /// Public keys that are trusted beside the deployment's own.
        public_keys: Vec<String>,
    },
    /// Sign the end of every log, and tell the last checkpoint of each.
    Checkpoint,
    /// Begin a copy of a log.
    BeginExport {
        /// The name or the id of its organization.
        organization: String,
    },
    /// Tell a part of a copy.
    Export {
        /// The organization's id.
        organization: String,
        /// After which event.
        after: i64,
        /// Up to which.
        until: i64,
    },
    /// Tell the public key.
    PublicKey,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAnswer {
    /// What every log is like.
    Checked(Vec<CheckedLog>),
    /// Lines of JSON.
    Lines(Vec<String>),
    /// A copy was begun.
    Export {
        /// The organization's id.
        organization: String,
        /// Its last event.
        until: i64,
    },
    /// A part of a copy.
    Part {
        /// Lines of JSON.
        lines: Vec<String>,
        /// The last event in them; the copy goes on behind it, or is at its end.
        last: i64,
    },
    /// The public key, as hexadecimal digits.
    PublicKey(String),
}

impl App {
    pub(super) async fn operate_audit(&self, command: AuditCommand) -> Result<AuditAnswer, Error> {
        match command {
            AuditCommand::Verify { checkpoints, public_keys } => {
                let key = |text: &String| text.parse::<PublicKey>();
                let keys = public_keys.iter().map(key).collect::<Result<_, _>>();
                let keys =
                    keys.map_err(|wrong| Error::invalid(Field::Id, format!("A public key: {wrong}.")))?;
                Ok(AuditAnswer::Checked(self.verify_audit_logs(&checkpoints, keys).await?))
            }
            AuditCommand::Checkpoint => {
                self.sign_audit_checkpoints().await?;
                let mut lines = Vec::new();
                for (organization, _) in self.store.audited_organizations(Operator).await.map_err(fault)? {
                    let scope = Operator.audit_log_of(organization);
                    let last = self.store.last_checkpoint(&scope, i64::MAX).await.map_err(fault)?;
                    lines.extend(last.as_ref().map(checkpoint_line));
                }
                Ok(AuditAnswer::Lines(lines))
            }
            AuditCommand::BeginExport { organization } => {
                let scope = self.log_of(&organization)?;
                let trace = Trace::operator(self.now());
                let export =
                    self.begin_export(scope, AuditFilter::default(), ExportFormat::JsonLines, trace).await?;
                Ok(AuditAnswer::Export {
                    organization: scope.organization().to_string(),
                    until: export.until,
                })
            }
            AuditCommand::Export { organization, after, until } => {
                let scope = self.log_of(&organization)?;
                let part = self.export_part(scope, after, until).await?;
                let last = part.events.last().map_or(until, |(event, _)| event.sequence);
                let mut lines: Vec<_> =
                    part.events.iter().map(|(event, link)| event_line(event, link)).collect();
                lines.extend(part.checkpoint.as_ref().map(checkpoint_line));
                Ok(AuditAnswer::Part { lines, last })
            }
            AuditCommand::PublicKey => Ok(AuditAnswer::PublicKey(self.audit_public_key().to_string())),
        }
    }

    fn log_of(&self, organization: &str) -> Result<AuditScope, Error> {
        Ok(Operator.audit_log_of(self.organization_named(organization)?.id()))
    }
}
