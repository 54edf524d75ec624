//! `keystead issuing …`.

use keystead_domain::{Error, Issuing, Operator, StopReason};

use super::{Answer, IssuingStatus};
use crate::App;

impl App {
    pub(super) async fn operate_issuing_stop(&self, why: &str) -> Result<Answer, Error> {
        let why = StopReason::parse(why)?;
        Ok(status(&self.stop_issuing(Operator, why).await?))
    }

    pub(super) async fn operate_issuing_start(&self) -> Result<Answer, Error> {
        Ok(status(&self.start_issuing(Operator).await?))
    }

    pub(super) fn issuing_status(&self) -> Answer {
        status(&self.issuing())
    }
}

fn status(issuing: &Issuing) -> Answer {
    Answer::Issuing(IssuingStatus {
        stopped_at: issuing.stop().map(|stop| stop.since.to_string()),
        why: issuing.stop().map(|stop| stop.why.to_string()),
    })
}
