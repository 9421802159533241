//! Service Quotas, as far as anybody here asks it: GetServiceQuota (its API reference has the shape,
//! the console the names; an account's first quota of each is AWS's secret).

use serde_json::{Value, json};

use super::message::Answer;
use super::services::json_answer;
use crate::demo::world::{Laws, Refusal};

/// The quotas of EC2 that machine types here count against, by group of families: code, name, and what
/// an account has that nobody limits.
const QUOTAS: [(&str, &str, f64); 4] = [
    ("L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 4096.0),
    ("L-3819A6DF", "All G and VT Spot Instance Requests", 1024.0),
    ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 4096.0),
    ("L-DB2E81BA", "Running On-Demand G and VT instances", 1024.0),
];

/// Answers a call.
pub(super) fn answer(
    laws: &Laws,
    region: &str,
    action: &str,
    body: &[u8],
    request_id: &str,
) -> Answer {
    let asked = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let answered = match action {
        "GetServiceQuota" => quota(laws, region, &asked),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    };
    json_answer(answered, request_id)
}

fn quota(laws: &Laws, region: &str, asked: &Value) -> Result<Value, Refusal> {
    let missing = || {
        let message = "The request failed because the specified service quota does not exist.";
        Refusal::with_status(400, "NoSuchResourceException", message)
    };
    if asked["ServiceCode"].as_str() != Some("ec2") {
        return Err(missing());
    }
    let code = asked["QuotaCode"].as_str().unwrap_or_default();
    let (_, name, most) = QUOTAS.iter().find(|(known, ..)| *known == code).ok_or_else(missing)?;
    let limit = laws.scenario.spot_vcpus.filter(|_| name.contains("Spot"));
    let account = &laws.account;
    Ok(json!({ "Quota": {
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaArn": format!("arn:aws:servicequotas:{region}:{account}:ec2/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "Unit": "None",
        "Value": limit.map_or(*most, f64::from),
    } }))
}
