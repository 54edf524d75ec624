//! The console: the pages on which people sign in and manage their keys.
//!
//! Each page is HTML that works without script; every dialog is an address. A handler reads a form, calls the app, and fills
//! a struct of [`view`]. The API Keys page is also served to products that embed it (`place`).

pub(crate) mod access;
pub(crate) mod account;
mod assigning;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod connected_apps;
pub(crate) mod consent;
mod csrf;
pub(crate) mod dialogs;
pub(crate) mod email_access;
mod fields;
mod forms;
pub(crate) mod group;
pub(crate) mod groups;
mod html;
pub(crate) mod invitation;
pub(crate) mod keys;
mod list;
mod nav;
pub(crate) mod nodes;
pub(crate) mod organizations;
pub(crate) mod password;
pub(crate) mod place;
pub(crate) mod roles;
pub(crate) mod settings;
mod snippets;
mod user_agent;
pub(crate) mod users;
pub mod view;
mod visit;

pub(crate) use html::{PageError, not_found, page, strict_transport};
