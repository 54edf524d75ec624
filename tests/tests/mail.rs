//! E-mail, through a real SMTP server: what arrives, what happens when nothing can, and what is never logged.

#![expect(clippy::expect_used, reason = "helpers fail as tests do")]

use std::io::Write;
use std::time::Duration;

use keystead_app::{Mail, MailError, Mailer};
use keystead_domain::{Email, OrganizationName, PersonName};
use keystead_tests::{Received, SmtpBehaviour, SmtpSink};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};
use tracing::subscriber::DefaultGuard;

const FROM: &str = "Keystead für Acme <keystead@keys.example.com>";

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn acme() -> OrganizationName {
    OrganizationName::parse("Acme").expect("a name")
}

/// A link as long as the real ones, with characters that quoted-printable must encode.
fn link() -> String {
    format!("https://keys.example.com/reset?from=mail&code={}", code())
}

fn code() -> String {
    "0f1e2d3c4b5a6978".repeat(4)
}

fn reset() -> Mail {
    Mail::password_reset(email("ada@example.com"), &acme(), &link())
}

fn mailer(url: &str) -> Mailer {
    Mailer::new(url, FROM).expect("settings")
}

/// A server that takes connections and never says a word.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("smtp://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    (listener, url)
}

/// A port that nothing listens on.
async fn absent() -> String {
    silent().await.1
}

/// What is logged, at every level, by what runs in this test.
struct Log {
    writes: UnboundedReceiver<String>,
    text: String,
    _guard: DefaultGuard,
}

struct Writes(UnboundedSender<String>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let (sender, writes) = unbounded_channel();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Writes(sender.clone()))
            .finish();
        Self { writes, text: String::new(), _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// All that was logged up to a line that has this.
    async fn until(&mut self, part: &str) -> &str {
        while !self.text.contains(part) {
            let line = timeout(Duration::from_mins(3), self.writes.recv()).await;
            self.text.push_str(&line.expect("logged in time").expect("the log goes on"));
        }
        &self.text
    }
}

/// Neither the mail's text nor a secret is in what people or logs are shown.
fn assert_quiet(shown: &str) {
    for secret in [code().as_str(), &code()[..20], "reset?from", "most likely you", "hunter2"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

fn names(mail: &Received) -> Vec<&str> {
    mail.headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_mail_arrives_with_its_sender_its_one_recipient_its_subject_and_a_link_that_is_whole() {
    let mut sink = SmtpSink::start().await;
    mailer(&sink.url()).send(reset()).await.unwrap();
    let mail = sink.next_message().await;
    assert_eq!(mail.envelope_from, "keystead@keys.example.com");
    assert_eq!(mail.envelope_to, ["ada@example.com"]);
    assert_eq!(mail.header("From"), FROM);
    assert_eq!(mail.header("To"), "ada@example.com");
    assert_eq!(mail.header("Subject"), "Choose a new password for Acme");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("Content-Type"), "text/plain; charset=\"utf-8\"");
    assert_eq!(mail.header("Content-Transfer-Encoding"), "quoted-printable");
    assert!(mail.header("Message-ID").contains('@') && !mail.header("Date").is_empty());
    assert_eq!(mail.link(), link());
    assert!(mail.text.contains("ada@example.com at Acme") && mail.text.contains("an hour"), "{}", mail.text);
    assert!(mail.raw.is_ascii() && mail.raw.lines().all(|line| line.len() <= 78), "{}", mail.raw);
    assert!(sink.messages().is_empty(), "one mail");
}

#[tokio::test]
async fn an_invitation_names_who_invites_and_a_notice_of_a_changed_password_holds_no_link() {
    let mut sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    let grace = PersonName::parse("Grace Hopper").unwrap();
    mailer.send(Mail::invitation(email("ada@example.com"), &acme(), Some(&grace), &link())).await.unwrap();
    let mail = sink.next_message().await;
    assert_eq!(mail.header("Subject"), "Your invitation to Acme");
    assert!(mail.text.contains("Grace Hopper invites you to Acme"), "{}", mail.text);
    assert!(mail.text.contains("once, for 7 days"), "{}", mail.text);
    assert_eq!(mail.link(), link());

    mailer.send(Mail::invitation(email("ada@example.com"), &acme(), None, &link())).await.unwrap();
    assert!(sink.next_message().await.text.contains("You are invited to Acme"));

    mailer.send(Mail::password_changed(email("ada@example.com"), &acme())).await.unwrap();
    let mail = sink.next_message().await;
    assert_eq!(mail.header("Subject"), "Your password for Acme was changed");
    assert!(mail.text.contains("has just been changed") && !mail.text.contains("://"), "{}", mail.text);
}

#[tokio::test]
async fn no_name_breaks_out_of_the_subject() {
    let mut sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    mailer.send(reset()).await.unwrap();
    let usual = sink.next_message().await;
    let typed = [
        "Ada & \"Sons\" <x@evil.example>, y@evil.example; Bcc: z@evil.example",
        "=?utf-8?q?Acme=0D=0ABcc:_x@evil.example?=",
        "Bücher 👩‍💻 界",
        &"界".repeat(100),
        &"x".repeat(100),
        ".",
        "Subject: Acme",
    ]
    .map(|name| OrganizationName::parse(name).unwrap());
    // As if something else had written to the store.
    let stored =
        ["Acme\r\nBcc: x@evil.example\r\n\r\nHello", "Acme\r\n.\r\nQUIT\r\n", "Acme\0\u{1b}[31m\u{85}"]
            .map(|name| OrganizationName::from_stored(name.to_owned()));
    for name in typed.iter().chain(&stored) {
        let inviter = PersonName::from_stored(name.to_string());
        let mail = Mail::invitation(email("ada@example.com"), name, Some(&inviter), &link());
        mailer.send(mail).await.unwrap();
        let mail = sink.next_message().await;
        assert_eq!(names(&mail), names(&usual), "{name:?}");
        assert_eq!(mail.envelope_to, ["ada@example.com"], "{name:?}");
        assert_eq!(mail.header("To"), "ada@example.com", "{name:?}");
        let shown = name.as_str().replace(char::is_control, " ");
        let subject = format!("Your invitation to {}", shown.replace("=?", "= ?"));
        assert_eq!(mail.header("Subject").trim_end(), subject.trim_end());
        let said = mail.text.replace(char::is_control, " ");
        assert!(said.contains(&format!("to {shown} on Keystead")), "{said:?}");
        assert_eq!(mail.link(), link());
        assert!(mail.raw.is_ascii(), "{}", mail.raw);
    }
    assert!(sink.messages().is_empty());
}

#[tokio::test]
async fn odd_addresses_are_written_as_they_are_and_domains_as_dns_knows_them() {
    let mut sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    for (typed, expected) in [
        ("o'hara+keys@example.com", "o'hara+keys@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
    ] {
        mailer.send(Mail::password_changed(email(typed), &acme())).await.unwrap();
        assert_eq!(sink.next_message().await.envelope_to, [expected]);
    }
    // This server has no SMTPUTF8 (RFC 6531).
    let refused = mailer.send(Mail::password_changed(email("ädä@example.com"), &acme())).await;
    assert!(matches!(refused, Err(MailError::Refused(_))), "{refused:?}");
    for typed in ["ada@exa(mple", "a..b@example.com"] {
        let refused = mailer.send(Mail::password_changed(email(typed), &acme())).await;
        assert_eq!(refused, Err(MailError::Address), "{typed}");
    }
    assert!(sink.messages().is_empty());
}

#[tokio::test]
async fn a_server_that_refuses_or_is_down_gives_an_error_that_holds_no_secret() {
    let mut log = Log::start();
    let refusing = SmtpSink::start_with(SmtpBehaviour::Refuse).await;
    let quoting = SmtpSink::start_with(SmtpBehaviour::Quote).await;
    let with_password = |url: &str| url.replace("smtp://", "smtp://keystead:hunter2@");
    let down = with_password(&absent().await);
    for (url, expected, temporary) in [
        (refusing.url(), "550", false),
        (quoting.url(), "quotes the mail's link", false),
        // It has no TLS, and so offers nobody to sign in.
        (with_password(&refusing.url()), "authentication", false),
        (format!("{}?tls=required", refusing.url()), "STARTTLS", false),
        (refusing.url().replace("smtp:", "smtps:"), "cannot be reached", true),
        (down, "cannot be reached", true),
    ] {
        let mailer = mailer(&url);
        let error = mailer.send(reset()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.may_pass(), temporary, "{error}");
        assert_quiet(&format!("{error} {error:?} {} {mailer:?} {:?}", error.statement(), reset()));
    }
    tracing::info!("that was all");
    assert_quiet(log.until("that was all").await);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_after_10_s() {
    let (_listener, url) = silent().await;
    let start = Instant::now();
    assert_eq!(mailer(&url).send(reset()).await, Err(MailError::TimedOut));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_mail_that_was_put_off_is_sent_again_in_the_background_as_the_same_mail() {
    let mut sink = SmtpSink::start_with(SmtpBehaviour::PutOffOnce).await;
    mailer(&sink.url()).send_in_background(reset());
    let refusal = sink.next_refusal().await;
    let mail = sink.next_message().await;
    assert_eq!(mail.header("Message-ID"), refusal["message_id"].as_str().unwrap());
    assert_eq!(mail.link(), link());
}

#[tokio::test]
async fn a_mail_that_was_refused_for_good_is_not_sent_again() {
    let mut log = Log::start();
    let mut sink = SmtpSink::start_with(SmtpBehaviour::Refuse).await;
    mailer(&sink.url()).send_in_background(reset());
    sink.next_refusal().await;
    let text = log.until("given up").await;
    assert!(text.contains("password reset to ada@example.com") && text.contains("550"), "{text}");
    assert!(!text.contains("trying again"), "{text}");
    assert_quiet(text);
}

#[tokio::test(start_paused = true)]
async fn a_mail_in_the_background_is_given_up_after_three_attempts() {
    let mut log = Log::start();
    let url = absent().await.replace("smtp://", "smtp://keystead:hunter2@");
    mailer(&url).send_in_background(reset());
    let text = log.until("given up").await;
    assert_eq!(text.matches("trying again").count(), 2, "{text}");
    assert_quiet(text);
}

#[tokio::test]
async fn four_mails_are_sent_at_once() {
    let (listener, url) = silent().await;
    let mailer = mailer(&url);
    for _ in 0..8 {
        mailer.send_in_background(reset());
    }
    let mut connections = Vec::new();
    for _ in 0..4 {
        connections.push(timeout(Duration::from_mins(1), listener.accept()).await.unwrap().unwrap());
    }
    // Every task has had its turn many times over; whatever would connect has connected.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(timeout(Duration::ZERO, listener.accept()).await.is_err(), "a fifth");
}

#[tokio::test(start_paused = true)]
async fn mails_beyond_a_thousand_that_wait_are_dropped_and_logged() {
    let mut log = Log::start();
    let (_listener, url) = silent().await;
    let mailer = mailer(&url);
    for _ in 0..1003 {
        mailer.send_in_background(reset());
    }
    tracing::info!("that was all");
    let text = log.until("that was all").await;
    assert_eq!(text.matches("a mail is dropped").count(), 3);
    assert_quiet(text);
}
