//! The operator's commands. They run here whether the command line opened the store itself or asks the server that owns it: a
//! request and an answer that can be written as JSON.

mod audit;
mod find;
mod issuing;
mod keys;
mod message;
mod organizations;
mod signing_keys;
mod users;

use keystead_domain::Error;

use crate::App;

pub use audit::{AuditAnswer, AuditCommand};
pub use message::{
    Answer, Command, IssuingStatus, ListedKey, ListedOrganization, ListedRole, ListedSigningKey, ListedUser,
    Password,
};

use users::check_may_act;

impl App {
    /// Carries out a command of the operator's.
    pub async fn operate(&self, command: Command) -> Answer {
        self.try_operate(command).await.unwrap_or_else(|error| Answer::Refused {
            code: error.code().to_owned(),
            message: error.to_string(),
        })
    }

    async fn try_operate(&self, command: Command) -> Result<Answer, Error> {
        match command {
            Command::OrganizationCreate { name, administrator } => {
                self.create_organization_of(&name, &administrator).await
            }
            Command::OrganizationList => Ok(self.list_organizations()),
            Command::OrganizationArchive { organization } => self.operate_archived(&organization, true).await,
            Command::OrganizationRestore { organization } => {
                self.operate_archived(&organization, false).await
            }
            Command::UserAdd { email, organization, name, role, password } => {
                self.add_user(&email, organization.as_deref(), name, &role, password).await
            }
            Command::UserList { organization } => self.list_users(organization.as_deref()).await,
            Command::UserSetRoles { email, organization, roles } => {
                self.set_roles_of(&email, organization.as_deref(), &roles).await
            }
            Command::UserDeactivate { email, organization } => {
                self.deactivate(&email, organization.as_deref()).await
            }
            Command::UserReactivate { email, organization } => {
                self.reactivate(&email, organization.as_deref()).await
            }
            Command::UserDelete { email, organization, confirmed } => {
                self.delete_user_of(&email, organization.as_deref(), confirmed).await
            }
            Command::UserSignInLink { email, organization } => {
                self.sign_in_link_of(&email, organization.as_deref()).await
            }
            Command::KeyCreate { user, organization, name, expires } => {
                self.create_key_for(&user, organization.as_deref(), &name, &expires).await
            }
            Command::KeyList { user, organization } => {
                self.list_keys_of(&user, organization.as_deref()).await
            }
            Command::KeyRevoke { id } => self.revoke_by_id(&id).await,
            Command::KeyEndSessions { id } => self.end_sessions_by_id(&id).await,
            Command::SigningKeyList => Ok(self.list_signing_keys()),
            Command::SigningKeyRotate { discard_old } => self.rotate_signing_keys_now(discard_old).await,
            Command::IssuingStop { why } => self.operate_issuing_stop(&why).await,
            Command::IssuingStart => self.operate_issuing_start().await,
            Command::IssuingStatus => Ok(self.issuing_status()),
            Command::BackUp { into } => {
                self.back_up(&into).await?;
                Ok(Answer::BackedUp)
            }
            Command::Audit(command) => Ok(Answer::Audit(self.operate_audit(command).await?)),
        }
    }
}
