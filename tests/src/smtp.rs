//! A real SMTP server, aiosmtpd, that keeps the mails it is sent.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::tool;

/// The path of aiosmtpd's `smtp.py`, when it is not where `cargo xtask test --only install` puts it.
const VARIABLE: &str = "KEYSTEAD_TEST_AIOSMTPD";

/// The longest that a mail may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpBehaviour {
    /// It takes every mail.
    Accept,
    /// It knows no mailbox: 550.
    Refuse,
    /// It asks once to come back later, 451, and takes every mail from then on.
    PutOffOnce,
    /// It refuses every mail and quotes its link, as spam filters do: 554.
    Quote,
}

/// A mail that arrived, decoded.
#[derive(Debug)]
pub struct Received {
    /// Whom the server was told that it is from.
    pub envelope_from: String,
    /// Whom the server was told that it is for.
    pub envelope_to: Vec<String>,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub text: String,
    /// As it went over the wire.
    pub raw: String,
}

impl Received {
    /// The value of the one header of that name.
    ///
    /// # Panics
    /// If there is none, or a second one.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "two headers {name}");
        value.unwrap_or_else(|| panic!("no header {name} in {:?}", self.headers))
    }

    /// The first link that it says.
    ///
    /// # Panics
    /// If it says none.
    pub fn link(&self) -> &str {
        self.text.split_whitespace().find(|word| word.contains("://")).expect("a link in the mail")
    }
}

/// A running SMTP server; dropped, it is killed.
pub struct SmtpSink {
    process: Child,
    port: u16,
    lines: UnboundedReceiver<Value>,
    /// Lines of a kind that nobody has asked for yet.
    kept: VecDeque<Value>,
}

impl SmtpSink {
    /// Starts one that takes every mail.
    pub async fn start() -> Self {
        Self::start_with(SmtpBehaviour::Accept).await
    }

    /// Starts one that answers in a given way.
    ///
    /// # Panics
    /// If it does not start within a minute.
    pub async fn start_with(behaviour: SmtpBehaviour) -> Self {
        let mode = match behaviour {
            SmtpBehaviour::Accept => "accept",
            SmtpBehaviour::Refuse => "refuse",
            SmtpBehaviour::PutOffOnce => "put-off-once",
            SmtpBehaviour::Quote => "quote",
        };
        let module = tool::find("aiosmtpd", "aiosmtpd/smtp.py", VARIABLE);
        let modules = module.ancestors().nth(2).expect("the folder that it is installed in");
        let mut process = Command::new("python3")
            .args(["-c", include_str!("smtp_sink.py"), mode])
            .env("PYTHONPATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let output = process.stdout.take().expect("its output is piped");
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut sink = Self { process, port: 0, lines, kept: VecDeque::new() };
        let port = sink.next("port").await["port"].as_u64().expect("a number");
        sink.port = u16::try_from(port).expect("a port");
        sink
    }

    /// Its address, for `--smtp-url`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail that it takes.
    ///
    /// # Panics
    /// If none comes within a minute.
    pub async fn next_message(&mut self) -> Received {
        received(&self.next("text").await)
    }

    /// The mails that it has taken by now and that nobody has read.
    pub fn messages(&mut self) -> Vec<Received> {
        while let Ok(line) = self.lines.try_recv() {
            self.kept.push_back(line);
        }
        let (mails, others) = self.kept.drain(..).partition(|line| line.get("text").is_some());
        self.kept = others;
        VecDeque::iter(&mails).map(received).collect()
    }

    /// The next refusal: `refused` is the reply's code, `message_id` the mail's, if it was read.
    ///
    /// # Panics
    /// If none comes within a minute.
    pub async fn next_refusal(&mut self) -> Value {
        self.next("refused").await
    }

    /// The next line that has this key.
    async fn next(&mut self, key: &str) -> Value {
        if let Some(at) = self.kept.iter().position(|line| line.get(key).is_some()) {
            return self.kept.remove(at).expect("it is there");
        }
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
            let line = line.unwrap_or_else(|_| panic!("no {key} from the SMTP server within {PATIENCE:?}"));
            let line =
                line.expect("the SMTP server runs; `cargo xtask test --only install` installs aiosmtpd");
            if line.get(key).is_some() {
                return line;
            }
            self.kept.push_back(line);
        }
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn received(line: &Value) -> Received {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let all = |value: &Value| value.as_array().expect("a list").clone();
    Received {
        envelope_from: text(&line["envelope_from"]),
        envelope_to: all(&line["envelope_to"]).iter().map(text).collect(),
        headers: all(&line["headers"]).iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        text: text(&line["text"]),
        raw: text(&line["raw"]),
    }
}
