//! The examples of the clients' pages, with the packages as they would be published, and with a Keystead as the page starts it.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use keystead_tests::binary::Serving;

use crate::folder::{of_repository, run};
use crate::{python, typescript};

const GUIDE: &str = include_str!("../../../docs/protect-your-api.md");
const TYPESCRIPT: &str = include_str!("../../../clients/typescript/README.md");
const PYTHON: &str = include_str!("../../../clients/python/README.md");

/// The blocks of a language on a page.
fn blocks<'page>(page: &'page str, language: &str) -> Vec<&'page str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Writes the blocks, each into the file that its first line names, and returns the names.
fn write(page: &'static str, language: &str, folder: &Path) -> Vec<&'static str> {
    let mut files = Vec::new();
    for block in blocks(page, language) {
        let name = block.lines().next().expect("a line");
        let name = name.trim_start_matches("//").trim_start_matches('#').trim();
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, block).expect("written");
        files.push(name);
    }
    files
}

/// A Keystead of the guide's, and a key of an administrator's.
struct Demo {
    _serving: Serving,
    url: String,
    token: String,
}

impl Demo {
    fn start() -> Self {
        let serve = blocks(GUIDE, "sh")[0].trim();
        let args = serve.strip_prefix("cargo run --release -- ").expect("cargo runs the binary");
        let mut args: Vec<_> = args.split(' ').collect();
        // A port of its own: another Keystead may be running on the usual one.
        args.extend(["--listen", "127.0.0.1:0"]);
        let serving = Serving::start(&args);
        let url = serving.url();
        let token = serving.line(|line| {
            let token = line.trim();
            keystead_token::TokenRef::parse(token).is_ok().then(|| token.to_owned())
        });
        Self { _serving: serving, url, token }
    }

    /// The guide's requests do what it says, with the product that a program is.
    fn serves(&self, program: &mut Command) {
        let product = Product::start(program.env("KEYSTEAD_URL", &self.url).env("PORT", "0"));
        let requests = blocks(GUIDE, "sh")[1];
        let lines: Vec<_> = requests.lines().collect();
        let [export, me, report, without] = lines[..] else {
            panic!("the page's commands changed: run the new ones here, too: {requests}")
        };
        let export = export.replace("...", &self.token);
        let answer = |command: &str| {
            let command = command.replace("http://127.0.0.1:3000", &product.url);
            run(Command::new("sh").args(["-euc", &format!("{export}\n{command}")]))
        };
        for (command, says) in [(me, "ada@demo.example"), (report, r#""report":"report-17""#)] {
            let answer = answer(command);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(says), "{answer}");
        }
        let answer = answer(without);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\nwww-authenticate: bearer\r\n"), "{answer}");
    }
}

/// A program that serves; dropped, it is killed.
struct Product {
    process: Child,
    url: String,
}

impl Product {
    fn start(program: &mut Command) -> Self {
        let program = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = program.spawn().expect("it starts");
        // Stopped also if it never says where it listens.
        let mut product = Self { process, url: String::new() };
        let (sender, lines) = channel();
        read(product.process.stdout.take().expect("piped"), sender.clone());
        read(product.process.stderr.take().expect("piped"), sender);
        let port = loop {
            let line = lines.recv_timeout(Duration::from_mins(1)).expect("it says where it listens");
            if let Some(port) = port(&line) {
                break port;
            }
        };
        product.url = format!("http://127.0.0.1:{port}");
        product
    }
}

fn read(output: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
}

impl Drop for Product {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The port in `listening on { …, port: 3000 }`, or in what uvicorn says.
fn port(line: &str) -> Option<u16> {
    let after = match line.strip_prefix("listening on ") {
        Some(address) => address.split("port: ").nth(1)?,
        None => line.split("running on http://127.0.0.1:").nth(1)?,
    };
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A project that has installed the packed client, beside what else its examples import.
fn consumer(folder: &Path) {
    let package = typescript::Package::copy();
    package.compile(".");
    let packed = package.pack(&[]);
    let archive = package.path().join(packed[0]["filename"].as_str().expect("a name"));
    let installed = folder.join("node_modules/@keystead/client");
    std::fs::create_dir_all(&installed).expect("a folder");
    run(Command::new("tar").arg("-xzf").arg(archive).args(["--strip-components=1", "-C"]).arg(installed));
    for entry in std::fs::read_dir(typescript::modules()).expect("a folder") {
        let entry = entry.expect("an entry");
        let link = folder.join("node_modules").join(entry.file_name());
        std::os::unix::fs::symlink(entry.path(), link).expect("a link");
    }
    // What most projects have, but for the browser's names: none of them is needed.
    let options = r#"{ "compilerOptions": {
        "target": "es2023", "lib": ["es2023"], "module": "nodenext", "types": ["node"],
        "strict": true, "exactOptionalPropertyTypes": true, "skipLibCheck": true
    } }"#;
    std::fs::write(folder.join("tsconfig.json"), options).expect("written");
    std::fs::write(folder.join("package.json"), r#"{ "type": "module" }"#).expect("written");
}

fn node(folder: &Path, arguments: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.current_dir(folder).args(arguments);
    node
}

fn compile(folder: &Path) {
    run(Command::new("node_modules/.bin/tsc").current_dir(folder));
}

#[test]
fn the_typescript_examples_of_the_pages_work_as_printed() {
    let demo = Demo::start();
    for page in [GUIDE, TYPESCRIPT] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        consumer(folder.path());
        let files = write(page, "ts", folder.path());
        compile(folder.path());
        demo.serves(&mut node(folder.path(), &["server.js"]));
        if page == GUIDE {
            assert_eq!(files, ["server.ts"]);
            continue;
        }
        let others =
            ["app.ts", "server.ts", "hono.ts", "app/reports/[id]/route.ts", "fetch.ts", "app.test.ts"];
        assert_eq!(files, others, "the page's examples changed: run the new ones here, too");
        demo.serves(&mut node(folder.path(), &["hono.js"]));
        run(&mut node(folder.path(), &["--test", "app.test.js"]));
        by_request(&demo, folder.path());
    }
}

/// The examples that have no server of their own, called as Next.js and others would.
fn by_request(demo: &Demo, folder: &Path) {
    let script = r#"
        import { Keystead } from "@keystead/client";
        import { GET } from "./app/reports/[id]/route.js";
        import { handle } from "./fetch.js";
        const keystead = new Keystead({ url: process.env.KEYSTEAD_URL });
        for (const authorization of [`Bearer ${process.env.TOKEN}`, "Bearer junk"]) {
            const request = new Request("http://127.0.0.1/reports/report-17", { headers: { authorization } });
            const context = { params: Promise.resolve({ id: "report-17" }) };
            for (const answer of [await GET(request, context), await handle(keystead, request)]) {
                console.log(answer.status, (await answer.json()).reader ?? "nobody");
            }
        }
    "#;
    let mut node = node(folder, &["--input-type=module", "--eval", script]);
    let printed = run(node.env("KEYSTEAD_URL", &demo.url).env("TOKEN", &demo.token));
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines, ["200 ada@demo.example", "200 ada@demo.example", "401 nobody", "401 nobody"]);
}

#[test]
fn the_python_examples_of_the_pages_work_as_printed() {
    let demo = Demo::start();
    let package = python::Package::build();
    for (page, wanted) in
        [(GUIDE, &["app.py"] as &[_]), (PYTHON, &["app.py", "starlette_app.py", "by_hand.py", "test_app.py"])]
    {
        assert!(page.contains("`uvicorn app:app --port 3000`"));
        let files = write(page, "python", package.path());
        assert_eq!(files, wanted, "the page's examples changed: run the new ones here, too");
        package.check_types(&files);
        for file in files.iter().filter(|file| file.ends_with("app.py") && !file.starts_with("test_")) {
            let app = format!("{}:app", file.trim_end_matches(".py"));
            demo.serves(package.python().args(["-m", "uvicorn", &app, "--port", "0"]));
        }
    }
    run(package.python().args(["-m", "pytest", "--quiet", "test_app.py"]));
    let by_hand = "import asyncio, os, by_hand, keystead
async def main():
    async with keystead.Keystead(os.environ['KEYSTEAD_URL']) as client:
        print(await by_hand.reader_of(client, os.environ['TOKEN']))
asyncio.run(main())";
    let mut python = package.python();
    python.args(["-c", by_hand]).env("KEYSTEAD_URL", &demo.url).env("TOKEN", &demo.token);
    assert!(run(&mut python).starts_with("ada@demo.example, by "));
}

#[test]
fn every_page_that_the_guide_links_to_is_there() {
    let links = GUIDE.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.map(|link| link.split('#').next().expect("a path")) {
        let path: PathBuf = of_repository("docs").join(link);
        assert!(path.exists(), "{link}");
    }
}
