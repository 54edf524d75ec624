//! What the tests may expect of hosts: they see each other, until they do not.
#![expect(clippy::unwrap_used, reason = "helpers fail as tests do")]

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use keystead_test_hosts::{Hosts, Place, Postgres, Replication, Setup};

/// Longer than a packet takes, shorter than TCP waits to send one again for the third time.
const SOON: Duration = Duration::from_millis(400);
const LATE: Duration = Duration::from_secs(20);

/// A server on a host that sends back what it gets, and a connection to it from another one.
fn echo(hosts: &Hosts, server: &str, client: &str) -> TcpStream {
    let address = SocketAddr::new(hosts.address(server), 7);
    thread::scope(|scope| {
        let listener = scope.spawn(|| {
            hosts.enter(server);
            TcpListener::bind(address).unwrap()
        });
        let listener = listener.join().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || std::io::copy(&mut connection.try_clone().unwrap(), &mut connection));
            }
        });
        let connection = scope.spawn(|| {
            hosts.enter(client);
            TcpStream::connect_timeout(&address, LATE).unwrap()
        });
        connection.join().unwrap()
    })
}

/// Sends a byte, if there is one, and waits for one to come back.
fn get(connection: &mut TcpStream, send: Option<u8>, patience: Duration) -> Result<u8, ErrorKind> {
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(patience)).unwrap();
    if let Some(byte) = send {
        connection.write_all(&[byte]).unwrap();
    }
    let mut byte = [0];
    connection.read_exact(&mut byte).map_err(|error| error.kind())?;
    Ok(byte[0])
}

#[test]
fn a_connection_that_is_cut_hears_nothing_until_it_is_healed() {
    let mut hosts = Hosts::new(&["one", "two", "three"]);
    let mut connection = echo(&hosts, "one", "two");
    let mut other = echo(&hosts, "three", "one");
    assert_eq!(get(&mut connection, Some(1), LATE), Ok(1));
    hosts.cut("one", "two");
    assert_eq!(get(&mut connection, Some(2), SOON), Err(ErrorKind::WouldBlock));
    assert_eq!(get(&mut other, Some(3), LATE), Ok(3));
    hosts.heal();
    assert_eq!(get(&mut connection, None, LATE), Ok(2));
    hosts.isolate("one");
    assert_eq!(get(&mut connection, Some(4), SOON), Err(ErrorKind::WouldBlock));
    assert_eq!(get(&mut other, Some(5), SOON), Err(ErrorKind::WouldBlock));
    hosts.heal();
    assert_eq!((get(&mut connection, None, LATE), get(&mut other, None, LATE)), (Ok(4), Ok(5)));
}

#[test]
fn a_cut_one_way_lets_the_other_way_through() {
    let mut hosts = Hosts::new(&["one", "two"]);
    let (server, client) = (hosts.address("one"), hosts.address("two"));
    let (receiver, sender) = thread::scope(|scope| {
        let socket = |host, address| {
            let hosts = &hosts;
            scope.spawn(move || {
                hosts.enter(host);
                std::net::UdpSocket::bind((address, 9)).unwrap()
            })
        };
        let (one, two) = (socket("one", server), socket("two", client));
        (one.join().unwrap(), two.join().unwrap())
    });
    let arrives = |from: &std::net::UdpSocket, to: &std::net::UdpSocket, patience| {
        to.set_read_timeout(Some(patience)).unwrap();
        from.send_to(b"packet", to.local_addr().unwrap()).unwrap();
        to.recv(&mut [0; 10]).is_ok()
    };
    assert!(arrives(&sender, &receiver, LATE));
    hosts.cut_one_way("two", "one");
    assert!(!arrives(&sender, &receiver, SOON));
    assert!(arrives(&receiver, &sender, LATE));
    hosts.heal();
    hosts.lose("two", "one", 50);
    for _ in 0..200 {
        sender.send_to(b"packet", (server, 9)).unwrap();
    }
    hosts.heal();
    assert!(arrives(&sender, &receiver, LATE));
    receiver.set_read_timeout(Some(SOON)).unwrap();
    let count = std::iter::from_fn(|| receiver.recv(&mut [0; 10]).ok()).count();
    assert!((40..160).contains(&count), "{count} of 200 packets at 50 %");
}

#[test]
fn a_delay_is_that_of_each_way() {
    let mut hosts = Hosts::new(&["one", "two"]);
    let mut connection = echo(&hosts, "one", "two");
    let delay = Duration::from_millis(100);
    hosts.delay("one", "two", delay);
    // The fastest of some, as the machine may be busy.
    let took = |connection: &mut TcpStream| {
        let times = std::iter::repeat_with(|| {
            let sent = Instant::now();
            get(connection, Some(1), LATE).unwrap();
            sent.elapsed()
        });
        times.take(4).min().unwrap()
    };
    let one_way = took(&mut connection);
    assert!((delay..delay * 2).contains(&one_way), "{one_way:?}");
    hosts.delay("two", "one", delay);
    let both_ways = took(&mut connection);
    assert!((delay * 2..delay * 3).contains(&both_ways), "{both_ways:?}");
    hosts.heal();
    let healed = took(&mut connection);
    assert!(healed < delay, "{healed:?}");
}

#[test]
fn failover_moves_the_shared_address_to_the_standby() {
    let mut hosts = Hosts::new(&["primary", "standby", "node"]);
    hosts.give_shared_address("primary");
    let place = Place { address: hosts.shared_address(), ..hosts.place("primary") };
    let mut primary = Postgres::start_with(Setup { durable: false, tls: false, place });
    let url = primary.database();
    let query = |hosts: &Hosts, statement: &str| {
        let mut psql = hosts.command("node", "psql");
        let url = format!("{url}?connect_timeout=2");
        let output = psql.args(["-X", "-q", "-t", "-A", "-c", statement, &url]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    query(&hosts, "CREATE TABLE things (id INT)").unwrap();
    let mut standby = primary.standby_at(hosts.place("standby"), Replication::Synchronous);
    query(&hosts, "INSERT INTO things VALUES (1)").unwrap();
    hosts.isolate("primary");
    assert_eq!(query(&hosts, "SELECT 1"), None);
    standby.promote();
    hosts.give_shared_address("standby");
    assert_eq!(query(&hosts, "SELECT id FROM things").as_deref(), Some("1"));
    query(&hosts, "INSERT INTO things VALUES (2)").unwrap();
}

/// Tells the next test that it is the one to be killed.
const TO_BE_KILLED: &str = "KEYSTEAD_TEST_TO_BE_KILLED";

#[test]
fn a_killed_test_leaves_no_host_and_no_process_behind() {
    if std::env::var_os(TO_BE_KILLED).is_some() {
        let hosts = Hosts::new(&["one"]);
        let mut sleep = hosts.command("one", "sleep").arg("600").spawn().unwrap();
        println!("at {}", hosts.place("one").namespace.unwrap());
        println!("process {}", sleep.id());
        println!("ready");
        sleep.wait().unwrap();
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "--nocapture", "a_killed_test_leaves_no_host_and_no_process_behind"]);
    test.env(TO_BE_KILLED, "1");
    let mut test = test.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.take_while(|line| line != "ready").collect();
    let after = |start: &str| lines.iter().find_map(|line| line.strip_prefix(start)).unwrap();
    let namespace = format!("/run/netns/{}", after("at "));
    let process = format!("/proc/{}/cwd", after("process "));
    assert!(std::fs::exists(&namespace).unwrap() && std::fs::read_link(&process).is_ok());
    test.kill().unwrap();
    test.wait().unwrap();
    let ends = Instant::now() + LATE;
    while std::fs::exists(&namespace).unwrap() || std::fs::read_link(&process).is_ok() {
        assert!(Instant::now() < ends, "{namespace} or {process} is still there");
        thread::yield_now();
    }
}
