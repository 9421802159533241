//! AWS's Spot Advisor: one public file, unsigned and undocumented, about all types in all regions.
//! It is asked by the one HTTP client, and never long: nobody waits for advice.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::ErrorMetadata;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::access::Aws;
use super::http::innermost;
use super::json_service::operation;
use crate::fleet::{Band, MachineType, Region};

/// How long all of it may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read. It has 0.9 MB (2025-06-28).
const LONGEST: usize = 8 << 20;
/// What its steps were called whenever anybody looked (2021 to 2025). Others would be other steps.
const LABELS: [&str; 5] = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"];

/// What it tells, of the regions and types that are wanted.
pub type Bands = BTreeMap<Region, BTreeMap<MachineType, Band>>;

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvisorAnswer {
    /// Nothing is different from what has this ETag.
    Unchanged,
    /// This, and by which ETag it is known.
    Told(Bands, Option<String>),
}

/// Why it gives no advice.
#[derive(Debug, thiserror::Error)]
pub enum AdvisorError {
    /// Nobody answers there.
    #[error("{0}")]
    Unreachable(String),
    /// It does not answer in time.
    #[error("no answer within {} s", ASK_TIMEOUT.as_secs())]
    Slow,
    /// It answers something else.
    #[error("HTTP {0}")]
    Status(u16),
    /// Its answer does not end.
    #[error("its answer has more than {} MiB", LONGEST >> 20)]
    Long,
    /// Its answer cannot be read.
    #[error("its answer is not its file: {0}")]
    Garbled(String),
    /// Its steps are others than those that we know.
    #[error("its steps have changed to {0}: a newer version of spot-tui may know them")]
    OtherSteps(String),
}

impl Aws {
    /// What the Spot Advisor tells now, unless that is known by this ETag.
    pub async fn spot_advisor(
        &self,
        url: &str,
        etag: Option<&str>,
        is_wanted: impl Fn(&Region, &MachineType) -> bool,
    ) -> Result<AdvisorAnswer, AdvisorError> {
        let asked = async {
            let Opened { status, etag, body } = self.open_advisor(url, etag).await?;
            match status {
                304 => Ok(None),
                200 => Ok(Some((read(body).await?, etag))),
                status => Err(AdvisorError::Status(status)),
            }
        };
        let told = timeout(ASK_TIMEOUT, asked).await.map_err(|_| AdvisorError::Slow)??;
        let Some((file, etag)) = told else { return Ok(AdvisorAnswer::Unchanged) };
        Ok(AdvisorAnswer::Told(bands(&file, is_wanted)?, etag))
    }

    async fn open_advisor(&self, url: &str, etag: Option<&str>) -> Result<Opened, AdvisorError> {
        let broken = |error: &dyn std::error::Error| AdvisorError::Unreachable(error.to_string());
        let url = reqwest::Url::parse(url).map_err(|error| broken(&error))?;
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let question = (format!("{}{query}", url.path()), etag.map(str::to_owned));
        let asked = operation(self.sdk(), "SpotAdvisor", &url.origin().ascii_serialization())
            .no_auth()
            .no_retry()
            .serializer(write)
            .deserializer_impl::<Opened, ErrorMetadata>(Open)
            .build()
            .invoke(question)
            .await;
        asked.map_err(|error| match &error {
            SdkError::TimeoutError(_) => AdvisorError::Slow,
            other => AdvisorError::Unreachable(innermost(other)),
        })
    }
}

fn write((path, etag): (String, Option<String>)) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(path)?;
    if let Some(etag) = etag {
        request.headers_mut().try_insert("if-none-match", etag)?;
    }
    Ok(request)
}

/// An answer whose body is still to be read: only so is it known how long it gets.
#[derive(Debug)]
struct Opened {
    status: u16,
    etag: Option<String>,
    body: SdkBody,
}

#[derive(Debug)]
struct Open;

impl DeserializeResponse for Open {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let opened = Opened {
            status: response.status().as_u16(),
            etag: response.headers().get("etag").map(str::to_owned),
            body: std::mem::replace(response.body_mut(), SdkBody::taken()),
        };
        Some(Ok(Output::erase(opened)))
    }
}

async fn read(mut body: SdkBody) -> Result<Vec<u8>, AdvisorError> {
    let mut file = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| AdvisorError::Unreachable(innermost(error.as_ref())))?;
        file.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        if file.len() > LONGEST {
            return Err(AdvisorError::Long);
        }
    }
    Ok(file)
}

/// The file, as far as anybody asks.
#[derive(Deserialize)]
struct File {
    ranges: Vec<Range>,
    spot_advisor: BTreeMap<String, Systems>,
}

#[derive(Deserialize)]
struct Range {
    index: usize,
    label: String,
}

/// What we run is sold as Linux.
#[derive(Deserialize)]
struct Systems {
    #[serde(rename = "Linux", default)]
    linux: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Which of the ranges. One that is none tells nothing of its type, and spoils nothing else.
    #[serde(default)]
    r: Value,
}

fn bands(
    file: &[u8],
    is_wanted: impl Fn(&Region, &MachineType) -> bool,
) -> Result<Bands, AdvisorError> {
    let file: File =
        serde_json::from_slice(file).map_err(|error| AdvisorError::Garbled(error.to_string()))?;
    let mut labels: Vec<(usize, &str)> =
        file.ranges.iter().map(|range| (range.index, range.label.as_str())).collect();
    labels.sort_unstable();
    if !labels.iter().copied().eq(LABELS.into_iter().enumerate()) {
        let labels = labels.iter().take(9).map(|(_, label)| crate::fleet::text::clean(label, 20));
        return Err(AdvisorError::OtherSteps(labels.collect::<Vec<_>>().join(", ")));
    }
    let mut bands = Bands::new();
    for (region, systems) in &file.spot_advisor {
        let region = Region::from(region.as_str());
        for (name, entry) in &systems.linux {
            let name = MachineType::from(name.as_str());
            let band = entry.r.as_u64().and_then(|index| u8::try_from(index).ok());
            let band = band.and_then(|index| Band::try_from(index).ok());
            if let Some(band) = band.filter(|_| is_wanted(&region, &name)) {
                bands.entry(region.clone()).or_default().insert(name, band);
            }
        }
    }
    Ok(bands)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::aws::{Access, Credentials};

    /// Cut out of AWS's file as it was on 2025-06-28 (kept in alexei-led/spotinfo,
    /// `internal/spot/data/spot-advisor-data.json`): three regions, four types, all five ranges.
    const FILE: &str = include_str!("advisor/2025-06-28.json");

    async fn aws() -> Aws {
        let access = Access {
            // Fixed keys: neither the machine's profiles nor its environment are read.
            credentials: Some(Credentials::new("key", "secret", None, None, "test")),
            ..Access::default()
        };
        Aws::open(&access).await.unwrap()
    }

    /// Answers one request with these bytes, and then goes on with `more`; its URL, and what was asked.
    fn serve(
        answer: impl Into<Vec<u8>>,
        more: impl FnOnce(&mut std::net::TcpStream) + Send + 'static,
    ) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/spot-advisor-data.json?x=1", listener.local_addr().unwrap());
        let (told, asked) = mpsc::channel();
        let answer = answer.into();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            told.send(String::from_utf8_lossy(&request[..length]).into_owned()).unwrap();
            stream.write_all(&answer).unwrap();
            more(&mut stream);
        });
        (url, asked)
    }

    fn http(status: &str, headers: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
    }

    fn told(answer: &AdvisorAnswer) -> Vec<String> {
        let AdvisorAnswer::Told(bands, _) = answer else { panic!("{answer:?}") };
        let of = |(region, types): (&Region, &BTreeMap<MachineType, Band>)| {
            types.iter().map(|(name, band)| format!("{region} {name} {}", band.word())).collect()
        };
        bands.iter().flat_map::<Vec<String>, _>(of).collect()
    }

    #[tokio::test]
    async fn its_file_is_read_for_what_is_wanted_and_known_again_by_its_etag() {
        let (url, asked) = serve(http("200 OK", "etag: \"a1\"\r\n", FILE), |_| {});
        let wanted = |region: &Region, name: &MachineType| {
            region.as_str() != "us-east-1" && name.as_str() != "m5.large"
        };
        let answer = aws().await.spot_advisor(&url, None, wanted).await.unwrap();
        assert_eq!(
            told(&answer),
            [
                "ap-southeast-5 t3.medium 15-20 %",
                "ap-southeast-5 t4g.medium 15-20 %",
                "us-west-2 t3.medium <5 %",
                "us-west-2 t3a.medium >20 %",
                "us-west-2 t4g.medium >20 %",
            ]
        );
        let AdvisorAnswer::Told(_, Some(etag)) = &answer else { panic!("{answer:?}") };
        let request = asked.recv().unwrap();
        assert!(request.starts_with("GET /spot-advisor-data.json?x=1 HTTP/1.1"), "{request}");
        assert!(!request.contains("authorization"), "it is public: {request}");

        let (url, asked) = serve(http("304 Not Modified", "", ""), |_| {});
        let answer = aws().await.spot_advisor(&url, Some(etag), wanted).await.unwrap();
        assert_eq!(answer, AdvisorAnswer::Unchanged);
        let request = asked.recv().unwrap();
        assert!(request.contains("if-none-match: \"a1\""), "{request}");
    }

    async fn refusal(answer: String) -> String {
        let (url, _asked) = serve(answer, |_| {});
        aws().await.spot_advisor(&url, None, |_, _| true).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_is_not_its_file_is_a_sentence_and_no_advice() {
        assert_eq!(refusal(http("403 Forbidden", "", "<Error/>")).await, "HTTP 403");
        assert_eq!(refusal(http("301 Moved", "location: http://x/\r\n", "")).await, "HTTP 301");
        let page = refusal(http("200 OK", "", "<html>Please log in</html>")).await;
        assert!(page.starts_with("its answer is not its file: expected value"), "{page}");
        let half = refusal(http("200 OK", "", &FILE[..FILE.len() / 2])).await;
        assert!(half.starts_with("its answer is not its file: EOF"), "{half}");
        let aws = aws().await;
        let error = aws.spot_advisor("http://127.0.0.1:1/x", None, |_, _| true).await.unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[test]
    fn other_steps_switch_it_off_and_shift_nothing() {
        let all = |file: &str| bands(file.as_bytes(), |_, _| true);
        for (from, to) in [
            (r#""label": "<5%""#, r#""label": "<2%""#),
            (r#""index": 4"#, r#""index": 5"#),
            (r#""label": "5-10%""#, r#""label": "10-15%""#),
        ] {
            let changed = FILE.replace(from, to);
            assert_ne!(changed, FILE, "{from}");
            let error = all(&changed).unwrap_err();
            assert!(matches!(error, AdvisorError::OtherSteps(_)), "{from}: {error}");
        }
        // The order of the list is nobody's business, nor is an entry that is no number.
        let turned = FILE.replace(r#""r": 0"#, r#""r": null"#);
        let whole = all(FILE).unwrap().values().map(BTreeMap::len).sum::<usize>();
        let left = all(&turned).unwrap().values().map(BTreeMap::len).sum::<usize>();
        assert_eq!((whole, left), (10, 8));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_given_up_at_8_mib() {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        let (url, _asked) = serve(head, |stream| {
            let blanks = vec![b' '; 64 * 1024];
            while stream.write_all(&blanks).is_ok() {}
        });
        let error = aws().await.spot_advisor(&url, None, |_, _| true).await.unwrap_err();
        assert_eq!(error.to_string(), "its answer has more than 8 MiB");
    }

    /// On a paused clock that goes on while nothing else is to be done: nobody waits here.
    #[tokio::test(start_paused = true)]
    async fn one_that_is_silent_is_given_up_after_5_s() {
        let aws = aws().await;
        // A listener that nobody accepts from: the connection stands, and nothing comes.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let begun = tokio::time::Instant::now();
        let error = aws.spot_advisor(&url, None, |_, _| true).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 5 s");
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}
