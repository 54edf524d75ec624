//! Every combination of what can end a credential: it works if nothing has, and ends as soon as one thing does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use keystead_app::operator::{Answer, Command};
use keystead_domain::EmailAccess;
use keystead_tests::{Session, TestKey, TestServer, TestUser};

use crate::callers::Credential;
use crate::graphql;

const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// One user with one credential of every kind.
struct Holder {
    user: TestUser,
    key: TestKey,
    session: Session,
    link: String,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    /// The key is revoked, the session signed out, the link used.
    ended: bool,
    /// The time of key, session and link has run out.
    run_out: bool,
    deactivated: bool,
}

impl Ends {
    fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|bits| Self { ended: bits & 1 != 0, run_out: bits & 2 != 0, deactivated: bits & 4 != 0 })
    }
}

async fn holder(server: &TestServer, number: usize) -> Holder {
    let user = server.member(&format!("user{number}@example.com")).await;
    let key = server.key(&user, "deploy", "7d").await;
    let session = server.session(&user).await;
    let link = format!("/sign-in/link/{}", server.sign_in_code(&user).await);
    Holder { user, key, session, link }
}

/// What key, session and link are still good for.
async fn work(server: &TestServer, holder: &Holder) -> [bool; 3] {
    [
        server.verify(&holder.key.token).await.status() == 200,
        server.visit(&holder.session, "/settings").await.status() == 200,
        server.get(&holder.link).send().await.unwrap().status() == 200,
    ]
}

async fn use_up(server: &TestServer, holder: &Holder) {
    server.revoke(&holder.key).await;
    server.submit(&holder.session, "/sign-out", &[]).await;
    let page = server.get(&holder.link).send().await.unwrap();
    let visitor = keystead_tests::cookies(&page).remove(0);
    let form = keystead_tests::Form::find(&page.text().await.unwrap(), &holder.link);
    server.post(&holder.link).header("cookie", visitor).form(&form.fields).send().await.unwrap();
}

/// Nothing but the calls here runs: no clean-up job has to pass by for any of it to hold.
#[tokio::test]
async fn a_credential_works_only_if_nothing_has_ended_it_and_neither_restart_nor_reactivation_brings_it_back()
{
    let mut server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let mut holders = Vec::new();
    for (number, ends) in Ends::all().enumerate().filter(|(_, ends)| ends.run_out) {
        holders.push((ends, holder(&server, number).await));
    }
    server.advance(WEEK);
    for (number, ends) in Ends::all().enumerate().filter(|(_, ends)| !ends.run_out) {
        holders.push((ends, holder(&server, number).await));
    }
    for (ends, holder) in &holders {
        let fresh = !ends.run_out;
        assert_eq!(work(&server, holder).await, [fresh; 3], "{ends:?} before");
        if ends.ended && fresh {
            use_up(&server, holder).await;
        } else if ends.ended {
            server.revoke(&holder.key).await;
        }
        if ends.deactivated {
            server.deactivate(&holder.user).await;
        }
    }
    for round in ["now", "after a restart"] {
        for (ends, holder) in &holders {
            let works = !ends.ended && !ends.run_out && !ends.deactivated;
            assert_eq!(work(&server, holder).await, [works; 3], "{ends:?} {round}");
        }
        server = server.restart().await;
    }
    for (ends, holder) in &holders {
        if ends.deactivated {
            server.reactivate(&holder.user).await;
        }
        let left = !ends.ended && !ends.run_out;
        let signed_in = left && !ends.deactivated;
        assert_eq!(work(&server, holder).await, [left, signed_in, signed_in], "{ends:?} after reactivation");
    }
}

/// Whatever ends a key, no verification that starts after the answer accepts it, however many run meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verification_that_starts_after_the_answer_accepts_a_key_that_was_ended() {
    let server = Arc::new(TestServer::start().await);
    server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    for round in 0..40 {
        let key = server.key(&mia, "deploy", "30d").await;
        let ended = Arc::new(AtomicBool::new(false));
        let hammer = |_| {
            let (server, ended, token) = (Arc::clone(&server), Arc::clone(&ended), key.token.clone());
            tokio::spawn(async move {
                loop {
                    let late = ended.load(Ordering::SeqCst);
                    let status = server.verify(&token).await.status();
                    if late {
                        return status;
                    }
                }
            })
        };
        let hammers: Vec<_> = (0..4).map(hammer).collect();
        tokio::task::yield_now().await;
        if round % 2 == 0 {
            server.revoke(&key).await;
        } else {
            server.deactivate(&mia).await;
        }
        ended.store(true, Ordering::SeqCst);
        for hammer in hammers {
            assert_eq!(hammer.await.unwrap(), 401);
        }
        if round % 2 != 0 {
            server.reactivate(&mia).await;
        }
    }
}

/// A dead credential makes no live one, by any way that makes one.
#[tokio::test]
async fn a_credential_that_was_ended_cannot_be_exchanged_for_another() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    for (number, ends) in
        Ends::all().enumerate().filter(|(_, ends)| !ends.run_out && (ends.ended || ends.deactivated))
    {
        let holder = holder(&server, number).await;
        if ends.ended {
            use_up(&server, &holder).await;
        }
        if ends.deactivated {
            server.deactivate(&holder.user).await;
        }
        let before = server.snapshot().await;
        let fields =
            [("name", "n"), ("expiration", "never"), ("request_id", "00000000000000000000000000000000")];
        assert_eq!(
            server.submit(&holder.session, "/settings/api-keys/new", &fields).await.status(),
            303,
            "{ends:?}"
        );
        let page = server.get("/sign-in").send().await.unwrap();
        let visitor = keystead_tests::cookies(&page).remove(0);
        let form = keystead_tests::Form::find(&page.text().await.unwrap(), "/sign-in");
        let request = server.post(&holder.link).header("cookie", &visitor).form(&form.fields);
        assert_eq!(request.send().await.unwrap().status(), 404, "{ends:?}");
        if ends.deactivated {
            let form = form.with("email", &holder.user.email).with("password", TestServer::PASSWORD);
            let request = server.post("/sign-in").header("cookie", visitor).form(&form.fields);
            assert_eq!(request.send().await.unwrap().status(), 422, "{ends:?}");
        }
        assert_eq!(server.snapshot().await, before, "{ends:?}");
    }
}

/// Why an administrator, with a session and a key that have not run out, may not act.
#[derive(Debug, Clone, Copy)]
enum Barred {
    Deactivated,
    NotAdmitted,
    Archived,
}

impl Barred {
    /// Bars the administrator of the second organization, or lets them back.
    async fn set(self, server: &TestServer, root: &TestUser, barred: &TestUser, helper: &TestUser, on: bool) {
        let app = &server.app;
        let organization = app.directory().user(barred.id.parse().unwrap()).unwrap().organization;
        match self {
            Self::Deactivated if on => server.deactivate(barred).await,
            Self::Deactivated => server.reactivate(barred).await,
            Self::NotAdmitted => {
                let blocked: Vec<String> = on.then(|| barred.email.clone()).into_iter().collect();
                let rules = EmailAccess::parse(&[], &[], &[], &blocked).unwrap();
                app.set_email_access(&server.actor(helper).await, rules, None).await.unwrap();
            }
            Self::Archived => {
                app.set_archived(&server.actor(root).await, organization, on).await.unwrap();
            }
        }
    }
}

/// At once, at every operation and page, whatever they could do before; and an administrator again when it is over.
#[tokio::test]
async fn an_administrator_who_was_deactivated_excluded_or_whose_organization_is_archived_is_nobody_anywhere()
{
    for barred in [Barred::Deactivated, Barred::NotAdmitted, Barred::Archived] {
        let server = TestServer::start().await;
        let root = server.administrator("ada@example.com").await;
        let site = Command::UserSetRoles {
            email: root.email.clone(),
            organization: None,
            roles: vec!["administrator".to_owned(), "site_administrator".to_owned()],
        };
        server.operate(site).await;
        let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
        let helper = Command::UserAdd {
            email: "helper@elsewhere.example".to_owned(),
            organization: Some("Elsewhere".to_owned()),
            name: None,
            role: "administrator".to_owned(),
            password: None,
        };
        let Answer::User { id, email } = server.operate(helper).await else { panic!("not a user") };
        let helper = TestUser { id, email };
        let (key, session) = (server.key(&eve, "key", "30d").await, server.session(&eve).await);
        let credentials = [Credential::bearer(&key.token), Credential::session(session.clone())];
        barred.set(&server, &root, &eve, &helper, true).await;
        let before = server.snapshot().await;
        for (operation, query, _) in graphql::TABLE {
            let query = query.replace("NO_RULES", graphql::NO_RULES);
            for credential in &credentials {
                let (status, body) = graphql::ask(&server, credential, &query).await;
                assert_eq!(status, 401, "{operation} by somebody {barred:?}: {body}");
            }
        }
        for page in
            ["/settings", "/settings/api-keys", "/settings/users", "/settings/roles", "/settings/account"]
        {
            assert_eq!(server.visit(&session, page).await.status(), 303, "{page} by somebody {barred:?}");
        }
        assert_eq!(server.verify(&key.token).await.status(), 401, "{barred:?}");
        assert_eq!(server.snapshot().await, before, "{barred:?}");

        barred.set(&server, &root, &eve, &helper, false).await;
        assert_eq!(server.verify(&key.token).await.status(), 200, "{barred:?} is over");
        let back = server.visit(&session, "/settings/users").await.status();
        assert_eq!(
            back == 200,
            !matches!(barred, Barred::Deactivated),
            "a deactivated user's sessions ended"
        );
    }
}
