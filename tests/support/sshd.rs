//! Hosts with Debian's sshd on loopback, each inside a root of its own.
//!
//! ```ignore
//! let key = Key::ed25519();
//! let host = Sshd::start(&SshdOptions { accept: vec![key.public()], ..SshdOptions::default() });
//! let config = ssh_config(folder.path(), &[("*", &host)]);
//! assert_eq!(host.calls(), ["systemctl daemon-reload"]);
//! ```

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use spot_tui::ssh::PublicKey;
use tempfile::TempDir;

use super::keys::Key;
use super::root;

const DEADLINE: Duration = Duration::from_secs(20);

/// systemd, as far as `node-status` asks it.
const SYSTEMCTL: &str =
    r#"case $1 in show) shift 2; printf 'Id=%s\nActiveState=active\n\n' "$@" ;; esac"#;
/// The services, the Docker daemon and an orchestrator's port. The sensor answers as
/// sensor-log-generator v1.17.0 was seen to answer: unhealthy for ever, which `--fail` makes 22.
const CURL: &str = r#"for url; do :; done
case $url in
  */agent/alive) echo '{"Status":"OK"}' ;;
  */healthz) exit 22 ;;
  */statusz)
    now=$(date +%s)
    printf '{\n  "running": true,\n  "readings_count": %s,\n  "error_count": 1,\n  "elapsed_seconds": %s.7,\n  "readings_per_second": 1,\n  "location": {\n    "city": "Denver"\n  },\n  "database_healthy": false,\n  "monitoring_server_running": true\n}\n' "$now" "$now" ;;
  http://docker/version) echo '{"Version":"27.5.1","ApiVersion":"1.47"}' ;;
  http://docker/*) echo '[]' ;;
  *:4222/) printf 0.004 ;;
  *) exit 7 ;;
esac"#;

/// What answers on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    OpenSsh,
    Dropbear,
    /// One of the Python programs of `tests/ssh/servers`.
    Python(&'static str),
}

/// How a host is to be.
#[derive(Debug, Clone)]
pub(crate) struct SshdOptions {
    pub(crate) server: Server,
    /// An address in 127.0.0.0/8.
    pub(crate) address: Ipv4Addr,
    /// Public keys with which `ubuntu` may log in.
    pub(crate) accept: Vec<String>,
    /// A folder on a disk of its own, and that disk's size in KiB. What lies in it cannot be seen
    /// through [`Sshd::root`].
    pub(crate) small_disk: Option<(&'static str, u32)>,
    /// How that disk is mounted (mount(8)).
    pub(crate) mounted: &'static str,
    /// Whether it is up from the beginning.
    pub(crate) up: bool,
    /// How long a reboot takes.
    pub(crate) reboot: Duration,
    /// Further lines of `sshd_config`.
    pub(crate) sshd_config: &'static str,
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self {
            server: Server::OpenSsh,
            address: Ipv4Addr::new(127, 0, 0, 2),
            accept: Vec::new(),
            small_disk: None,
            mounted: "rw",
            up: true,
            reboot: Duration::from_millis(200),
            sshd_config: "",
        }
    }
}

/// A host. Gone, with all its processes, when it is dropped or the test process ends.
pub(crate) struct Sshd {
    address: SocketAddr,
    root: TempDir,
    supervisor: Child,
    orders: Option<ChildStdin>,
}

impl Sshd {
    /// Starts a host and waits until it answers.
    pub(crate) fn start(options: &SshdOptions) -> Self {
        let root = root::make();
        let port = TcpListener::bind((options.address, 0)).unwrap().local_addr().unwrap().port();
        let address = SocketAddr::from((options.address, port));
        configure(root.path(), address, options);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c"]);
        command.args([include_str!("supervise.sh"), "supervise"]).arg(root.path());
        command.arg(if options.up { "up" } else { "down" });
        command.arg(options.reboot.as_secs_f64().to_string());
        if let Some((folder, kib)) = options.small_disk {
            command.args([folder, &kib.to_string(), options.mounted]);
        }
        let mut supervisor = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let orders = supervisor.stdin.take();
        let mut host = Self { address, root, supervisor, orders };
        for key in &options.accept {
            host.accept(key);
        }
        if options.up {
            host.wait_until_up();
        }
        host
    }

    /// A host that lets `key` in, with all else as usual.
    pub(crate) fn accepting(key: &Key) -> Self {
        Self::start(&SshdOptions { accept: vec![key.public()], ..SshdOptions::default() })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its root folder, to look at what was delivered.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The calls of its stubs so far: the command and its arguments, a line each.
    pub(crate) fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.root().join("calls.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// Makes a command of the host record its calls and do what a shell script says.
    pub(crate) fn stub(&self, name: &str, script: &str) {
        root::stub(self.root(), name, script);
    }

    /// Its services come up after a deployment, and all of them are well.
    pub(crate) fn run_services(&self) {
        self.stub("systemctl", SYSTEMCTL);
        self.stub("curl", CURL);
    }

    /// Lets one more public key in.
    pub(crate) fn accept(&self, public: &str) {
        let path = self.root().join("home/ubuntu/.ssh/authorized_keys");
        let mut keys = fs::read_to_string(&path).unwrap_or_default();
        keys.push_str(public);
        keys.push('\n');
        root::write(&path, 0o644, &keys);
    }

    /// Its host key, as a line of `known_hosts` without the host.
    pub(crate) fn host_key(&self) -> String {
        let line = fs::read_to_string(self.root().join("etc/ssh/host_key.pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// The line of `known_hosts` for it.
    pub(crate) fn known_hosts_line(&self) -> String {
        format!("[{}]:{} {}\n", self.address.ip(), self.port(), self.host_key())
    }

    /// Gives it another host key and starts it again.
    pub(crate) fn change_host_key(&mut self) {
        self.kill();
        make_host_key(self.root());
        self.up();
    }

    /// Pulls the plug: all its processes end at once. Returns when the port is closed.
    pub(crate) fn kill(&mut self) {
        self.order("down");
        self.wait("be down", |host| !host.answers());
    }

    /// Starts it again. Returns when it answers.
    pub(crate) fn up(&mut self) {
        self.order("up");
        self.wait_until_up();
    }

    /// Starts it again and returns at once.
    pub(crate) fn begin_up(&mut self) {
        self.order("up");
    }

    /// What sshd logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.root().join("var/log/sshd.log")).unwrap_or_default()
    }

    /// Waits for something about it. Panics, with sshd's log, when it does not come to be.
    pub(crate) fn wait(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(
                begun.elapsed() < DEADLINE,
                "the host did not {what}; sshd says:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_until_up(&mut self) {
        self.wait("come up", |host| {
            let ended = host.supervisor.try_wait().unwrap();
            assert!(ended.is_none(), "the host ended ({ended:?}): may this machine mount?");
            host.answers()
        });
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect_timeout(&self.address, DEADLINE) else {
            return false;
        };
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut greeting = [0; 4];
        stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // The end of its input is its order to end.
        drop(self.orders.take());
        let begun = Instant::now();
        while matches!(self.supervisor.try_wait(), Ok(None)) {
            if begun.elapsed() > DEADLINE {
                let _ = self.supervisor.kill();
                let _ = self.supervisor.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn configure(root: &Path, address: SocketAddr, options: &SshdOptions) {
    make_host_key(root);
    let text = format!(
        "Port {}\nListenAddress {}\nHostKey /etc/ssh/host_key\nUsePAM no\nStrictModes no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nUseDNS no\n\
         MaxStartups 100\nPidFile none\nLogLevel VERBOSE\n{}\n",
        address.port(),
        address.ip(),
        options.sshd_config,
    );
    root::write(&root.join("etc/ssh/sshd_config"), 0o644, &text);
    match options.server {
        Server::OpenSsh => {}
        Server::Dropbear => use_dropbear(root, address),
        Server::Python(name) => use_python(root, address, name),
    }
}

/// Puts another server in the place of OpenSSH's: whoever boots the host starts that.
fn replace_sshd(root: &Path, command: &str) {
    let path = root.join("usr/sbin/sshd");
    // Linked to the template: it is replaced, not written to.
    fs::remove_file(&path).unwrap();
    root::write(&path, 0o755, &format!("#!/bin/sh\nexec {command}\n"));
}

fn use_dropbear(root: &Path, address: SocketAddr) {
    root::install(root, Path::new("/usr/sbin/dropbear"), "dropbear-bin");
    let mut convert = Command::new("dropbearconvert");
    convert.args(["openssh", "dropbear"]);
    convert.args([root.join("etc/ssh/host_key"), root.join("etc/ssh/dropbear_key")]);
    assert!(convert.output().unwrap().status.success(), "dropbearconvert");
    let (ip, port) = (address.ip(), address.port());
    // Whoever has another shell than these is no user to dropbear (getusershell(3)).
    root::write(&root.join("etc/shells"), 0o644, "/bin/sh\n/bin/ash\n/bin/bash\n");
    // -s, -g: no passwords.
    replace_sshd(root, &format!("dropbear -F -E -s -g -r /etc/ssh/dropbear_key -p {ip}:{port}"));
}

fn use_python(root: &Path, address: SocketAddr, name: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root::install_python(root, &super::moto::python());
    let program = fs::read_to_string(here.join("tests/ssh/servers").join(name)).unwrap();
    fs::create_dir_all(root.join("usr/local/lib")).unwrap();
    root::write(&root.join("usr/local/lib").join(name), 0o644, &program);
    let (ip, port) = (address.ip(), address.port());
    replace_sshd(root, &format!("{python} /usr/local/lib/{name} {ip} {port}"));
}

fn make_host_key(root: &Path) {
    let path = root.join("etc/ssh/host_key");
    let _ = fs::remove_file(&path);
    super::keys::generate(&path, &["-t", "ed25519"], "");
}

/// What the consoles of these hosts tell of their keys, as cloud-init prints it.
pub(crate) fn console<'a>(hosts: impl IntoIterator<Item = &'a Sshd>) -> String {
    let mut text = String::from("-----BEGIN SSH HOST KEY FINGERPRINTS-----\r\n");
    for host in hosts {
        let key = PublicKey::parse(&host.host_key()).unwrap();
        text = format!("{text}256 {} root@host (ED25519)\r\n", key.fingerprint);
    }
    text + "-----END SSH HOST KEY FINGERPRINTS-----\r\n"
}

/// An `ssh_config` that leads from each host's address to its port.
pub(crate) fn leading_to<'a>(hosts: impl IntoIterator<Item = &'a Sshd>) -> String {
    let blocks = hosts.into_iter().map(|host| {
        let address = host.address();
        format!("Host {}\n  Port {}\n", address.ip(), address.port())
    });
    blocks.collect()
}

/// Writes an `ssh_config` that sends each pattern's hosts to a host of the test, the first
/// pattern first.
pub(crate) fn ssh_config(folder: &Path, hosts: &[(&str, &Sshd)]) -> PathBuf {
    let path = folder.join("ssh_config");
    let mut text = Vec::new();
    for (pattern, host) in hosts {
        let address = host.address();
        let (ip, port) = (address.ip(), address.port());
        writeln!(text, "Host {pattern}\n  HostName {ip}\n  Port {port}").unwrap();
    }
    fs::write(&path, text).unwrap();
    path
}
