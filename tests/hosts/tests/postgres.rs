//! What the tests may expect of a PostgreSQL server.
#![expect(clippy::unwrap_used, reason = "helpers fail as tests do")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use keystead_test_hosts::{Place, Postgres, Setup};

/// A client that connects over the network, as Keystead does; the error is what it says.
fn query(url: &str, statement: &str) -> Result<String, String> {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
    let output = psql.args(["--command", statement, url]).stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn each_database_is_empty_and_owned_by_a_client_that_is_no_superuser() {
    let postgres = Postgres::shared_fast();
    let (first, second) = (postgres.database(), postgres.database());
    query(&first, "CREATE TABLE things (id INT)").unwrap();
    assert!(query(&second, "SELECT * FROM things").unwrap_err().contains("does not exist"));
    assert_eq!(query(&first, "SHOW is_superuser").unwrap(), "off");
    // 'a' < 'B' in a language, 'B' < 'a' in C.
    assert_eq!(query(&first, "SELECT 'a' < 'B'").unwrap(), "t");
}

#[test]
fn a_copy_of_a_database_has_what_that_has() {
    let postgres = Postgres::shared_fast();
    let original = postgres.database();
    query(&original, "CREATE TABLE things (id INT); INSERT INTO things VALUES (7)").unwrap();
    let copy = postgres.copy_of(&original);
    query(&original, "DELETE FROM things").unwrap();
    assert_eq!(query(&copy, "SELECT id FROM things").unwrap(), "7");
}

#[test]
fn a_wrong_password_is_refused() {
    let url = Postgres::shared_fast().database();
    let (before, after) = url.split_once('@').unwrap();
    let wrong = format!("{before}0@{after}");
    assert!(query(&wrong, "SELECT 1").unwrap_err().contains("password authentication failed"));
}

#[test]
fn what_is_committed_survives_a_restart_and_a_crash() {
    let mut postgres = Postgres::start();
    let url = postgres.database();
    query(&url, "CREATE TABLE things (id INT); INSERT INTO things VALUES (1)").unwrap();
    postgres.restart();
    query(&url, "INSERT INTO things VALUES (2)").unwrap();
    postgres.crash();
    assert!(query(&url, "SELECT 1").unwrap_err().contains("Connection refused"));
    postgres.start_again();
    assert!(postgres.log().contains("automatic recovery in progress"), "{}", postgres.log());
    assert_eq!(query(&url, "SELECT sum(id) FROM things").unwrap(), "3");
}

#[test]
fn a_paused_server_answers_when_it_is_resumed() {
    let mut postgres = Postgres::start_fast();
    let url = postgres.database();
    postgres.pause();
    let mut client = Command::new("psql");
    let client = client.args(["--no-psqlrc", "--command", "SELECT 1", &url]);
    let mut client = client.stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(
        query(&format!("{url}?connect_timeout=2"), "SELECT 1").unwrap_err().matches("timeout").count(),
        1
    );
    assert!(client.try_wait().unwrap().is_none());
    postgres.resume();
    assert!(client.wait().unwrap().success());
}

#[test]
fn a_database_that_is_cut_off_refuses_clients_until_they_are_let_in() {
    let postgres = Postgres::shared_fast();
    let url = postgres.database();
    let mut client = Command::new("psql");
    let client = client.args(["--no-psqlrc", "--command", "SELECT pg_sleep(600)", &url]);
    let client = client.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while postgres.sql(&url, "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND datname = current_database()").is_empty() {}
    postgres.cut_off(&url);
    let ended = client.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&ended.stderr).contains("terminating connection"));
    assert!(query(&url, "SELECT 1").unwrap_err().contains("not currently accepting connections"));
    postgres.let_in(&url);
    query(&url, "SELECT 1").unwrap();
}

#[test]
fn a_setting_holds_for_new_connections_and_after_a_restart() {
    let mut postgres = Postgres::start_fast();
    let url = postgres.database();
    postgres.set("statement_timeout", "123ms");
    assert_eq!(query(&url, "SHOW statement_timeout").unwrap(), "123ms");
    postgres.restart();
    assert_eq!(query(&url, "SHOW statement_timeout").unwrap(), "123ms");
}

#[test]
fn a_server_with_tls_takes_no_plain_connections() {
    let setup = Setup { durable: false, tls: true, place: Place::loopback() };
    let postgres = Postgres::start_with(setup);
    let url = postgres.database();
    assert_eq!(query(&url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").unwrap(), "t");
    let plain = format!("{}?sslmode=disable", url.split_once('?').unwrap().0);
    assert!(query(&plain, "SELECT 1").unwrap_err().contains("no encryption"));
}

/// Tells the next test that it is the one to be killed.
const TO_BE_KILLED: &str = "KEYSTEAD_TEST_TO_BE_KILLED";

#[test]
fn a_killed_test_leaves_no_server_and_no_folder_behind() {
    if std::env::var_os(TO_BE_KILLED).is_some() {
        let mut postgres = Postgres::start_fast();
        println!("{}", postgres.sql("postgres", "SHOW data_directory"));
        postgres.pause();
        println!("paused");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "--nocapture", "a_killed_test_leaves_no_server_and_no_folder_behind"]);
    test.env(TO_BE_KILLED, "1");
    let mut test = test.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.take_while(|line| line != "paused").collect();
    let data = lines.iter().find(|line| line.ends_with("/data")).unwrap();
    let server = fs::read_to_string(format!("{data}/postmaster.pid")).unwrap();
    let server = server.lines().next().unwrap().to_owned();
    test.kill().unwrap();
    test.wait().unwrap();
    let ends = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let folder = data.strip_suffix("/data").unwrap();
    while fs::exists(folder).unwrap() || fs::read_link(format!("/proc/{server}/cwd")).is_ok() {
        assert!(std::time::Instant::now() < ends, "{folder} or process {server} is still there");
        std::thread::yield_now();
    }
}
