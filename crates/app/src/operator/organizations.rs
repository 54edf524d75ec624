//! `keystead organization …`.

use keystead_domain::audit::Trace;
use keystead_domain::{Email, Error, Operator, Organization, OrganizationName};

use super::{Answer, ListedOrganization};
use crate::App;
use crate::open::fault;

impl App {
    pub(super) async fn create_organization_of(
        &self,
        name: &str,
        administrator: &str,
    ) -> Result<Answer, Error> {
        let (name, administrator) = (OrganizationName::parse(name)?, Email::parse(administrator)?);
        let created_at = self.now();
        let organization =
            Organization { id: self.next_id(created_at)?, name, created_at, archived_at: None };
        let mut change = self.store.begin(Trace::operator(created_at)).await.map_err(fault)?;
        let (user, code) =
            self.write_organization(&mut change, &Operator.site(), &organization, administrator).await?;
        change.commit().await.map_err(fault)?;
        let user = self.directory.user(user).ok_or(Error::Internal)?;
        Ok(Answer::Invitation { organization: user.organization.to_string(), code: code.expose().to_owned() })
    }

    pub(super) fn list_organizations(&self) -> Answer {
        let organizations = self.all_organizations(&Operator.site());
        Answer::Organizations(
            organizations
                .iter()
                .map(|state| ListedOrganization {
                    id: state.id().to_string(),
                    name: state.organization.name.to_string(),
                    users: self.directory.users_of(state.id()).len(),
                    created_at: state.organization.created_at.to_string(),
                    archived_at: state.organization.archived_at.map(|at| at.to_string()),
                })
                .collect(),
        )
    }

    pub(super) async fn operate_archived(&self, organization: &str, archived: bool) -> Result<Answer, Error> {
        let state = self.organization_named(organization)?;
        let mut change = self.store.begin(Trace::operator(self.now())).await.map_err(fault)?;
        self.write_archived(&mut change, &Operator.site(), state.id(), archived).await?;
        change.commit().await.map_err(fault)?;
        Ok(Answer::Organization { id: state.id().to_string(), name: state.organization.name.to_string() })
    }
}
