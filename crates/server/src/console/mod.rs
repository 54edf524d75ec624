//! The console: the pages on which people sign in and manage their keys.
//!
//! Each page is HTML that works without script; every dialog is an address. A handler reads a form, calls the app, and fills
//! a struct of [`view`].

pub(crate) mod access;
pub(crate) mod account;
mod csrf;
pub(crate) mod dialogs;
mod forms;
mod html;
pub(crate) mod invitation;
pub(crate) mod keys;
mod list;
pub(crate) mod password;
pub(crate) mod settings;
mod user_agent;
pub mod view;
mod visit;

pub(crate) use html::{not_found, strict_transport};
