//! moto, an EC2 that nobody here wrote, and boto3, an eye that nobody here wrote.
//!
//! One server a test: no test sees what another one made. It ends with the test, also when the
//! test process is killed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long moto may take to answer for the first time. It needs 2 s on an idle machine.
const START: Duration = Duration::from_mins(1);

/// A running moto.
pub(crate) struct Moto {
    child: Child,
    address: SocketAddr,
    /// moto reads it at its first EC2 call, whenever that is.
    _images: tempfile::NamedTempFile,
}

impl Moto {
    /// Starts one on a free port and waits until it answers.
    pub(crate) fn start() -> Self {
        let deadline = Instant::now() + START;
        loop {
            let mut moto = Self::launch();
            if moto.answers(deadline) {
                return moto;
            }
            // The port was free when it was chosen; somebody else may have taken it since.
            assert!(Instant::now() < deadline, "moto does not answer on {}", moto.address);
        }
    }

    fn launch() -> Self {
        let images = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(&images, canonical_images().to_string()).expect("writing the images");
        let address = free_address();
        let child = Command::new(python())
            .arg(script("serve.py"))
            .arg(address.port().to_string())
            .env("MOTO_AMIS_PATH", images.path())
            .env("MOTO_ENABLE_AMI_VALIDATION", "true")
            .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
            .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting python");
        Self { child, address, _images: images }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Empties it.
    pub(crate) fn reset(&self) {
        let mut stream = TcpStream::connect(self.address).expect("moto listens");
        let request = b"POST /moto-api/reset HTTP/1.0\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(request).expect("asking moto");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("its answer");
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// Its endpoint URL, without the proxy.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What boto3 sees in these regions, by region; see `inspect_regions.py`.
    pub(crate) fn inspect(&self, regions: &[&str]) -> Value {
        self.run("inspect_regions.py", regions)
    }

    /// Puts somebody else's things into these regions, which look like ours; their ids, by region.
    pub(crate) fn settle_strangers(&self, regions: &[&str]) -> Value {
        self.run("foreign.py", regions)
    }

    /// Launches so many instances in a region as spot-tui's predecessor did; their ids.
    pub(crate) fn launch_as_predecessor(&self, region: &str, count: usize) -> Vec<String> {
        let ids = self.run("predecessor.py", &[region, &count.to_string()]);
        ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Leaves one thing of each kind of this deployment in a region; their ids.
    pub(crate) fn leave(&self, region: &str, deployment: &str) -> Vec<String> {
        let ids = self.run("leftovers.py", &[region, deployment]);
        ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    fn run(&self, name: &str, regions: &[&str]) -> Value {
        let output = Command::new(python())
            .arg(script(name))
            .arg(self.url())
            .args(regions)
            .env_remove("AWS_PROFILE")
            .output()
            .expect("starting python");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {told}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn answers(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            if self.child.try_wait().expect("asking for the child").is_some() {
                return false;
            }
            if is_up(self.address) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The Python that has moto, boto3, the AWS CLI and jsonschema.
pub(crate) fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("SPOT_TEST_PYTHON")
        .map_or_else(|| root.join("target/venv/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing. Run `make test`, or:\n  python3 -m venv target/venv && \
         target/venv/bin/pip install --requirement tests/requirements.txt",
        python.display()
    );
    python
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/boto3").join(name)
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

/// Whether moto itself answers, not merely somebody who listens. The read waits for the answer;
/// only a refused connection comes back at once, and that is asked again.
fn is_up(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START))?;
        stream.write_all(b"GET /moto-api/data.json HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = ask();
    if answer.is_err() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    answer.is_ok_and(|answer| answer.contains(" 200 "))
}

/// Canonical's images, an old and a new one for each release and architecture, and one of a
/// stranger with a newer date and Canonical's name.
fn canonical_images() -> Value {
    let mut images = Vec::new();
    for (release, folder) in [("jammy-22.04", "hvm-ssd"), ("noble-24.04", "hvm-ssd-gp3")] {
        for (word, architecture) in [("amd64", "x86_64"), ("arm64", "arm64")] {
            for (day, owner) in
                [("20260901", CANONICAL), ("20261101", CANONICAL), ("20261119", STRANGER)]
            {
                images.push(image(
                    &format!("{folder}/ubuntu-{release}-{word}-server-{day}"),
                    architecture,
                    day,
                    owner,
                ));
            }
        }
    }
    Value::Array(images)
}

const CANONICAL: &str = "099720109477";
const STRANGER: &str = "666666666666";

fn image(name: &str, architecture: &str, day: &str, owner: &str) -> Value {
    let (year, month, day) = (&day[..4], &day[4..6], &day[6..]);
    json!({
        "ami_id": image_id(name, owner),
        "name": format!("ubuntu/images/{name}"),
        "description": "Canonical, Ubuntu",
        "owner_id": owner,
        "architecture": architecture,
        "creation_date": format!("{year}-{month}-{day}T05:00:00.000Z"),
        "root_device_name": "/dev/sda1",
        "root_device_type": "ebs",
        "virtualization_type": "hvm",
        "hypervisor": "xen",
        "image_type": "machine",
        "platform": "Linux/UNIX",
        "state": "available",
        "public": true,
        "sriov": "simple",
        "image_location": format!("{owner}/ubuntu/images/{name}"),
    })
}

/// An id that belongs to the name: seventeen hexadecimal digits, as EC2's are.
fn image_id(name: &str, owner: &str) -> String {
    let text = format!("{owner}{name}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("ami-0{hash:016x}")
}
