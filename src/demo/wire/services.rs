//! STS and SSM, as far as anybody here asks them.

use serde_json::{Value, json};

use super::form::Form;
use super::message::Answer;
use super::xml::Xml;
use crate::demo::world::images::parameter;
use crate::demo::world::{Laws, Refusal};

/// What services that speak JSON call it.
const JSON: &str = "application/x-amz-json-1.1";

/// STS: GetCallerIdentity.
pub(super) fn sts(laws: &Laws, form: &Form, request_id: &str) -> Answer {
    let mut xml = Xml::default();
    if form.get("Action") != Some("GetCallerIdentity") {
        let action = form.get("Action").unwrap_or_default();
        let refusal = Refusal::new("InvalidAction", format!("Could not find operation {action}"));
        return sts_refusal(&refusal, request_id);
    }
    xml.group("GetCallerIdentityResult", |result| {
        result.text("Arn", laws.user_arn()).text("UserId", "AIDADEMODEMODEMODEMO1");
        result.text("Account", &laws.account);
    });
    xml.group("ResponseMetadata", |it| {
        it.text("RequestId", request_id);
    });
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{}\
         </GetCallerIdentityResponse>",
        xml.into_text()
    );
    Answer::xml(200, body, request_id)
}

/// A refusal as STS writes it.
pub(super) fn sts_refusal(refusal: &Refusal, request_id: &str) -> Answer {
    let mut xml = Xml::default();
    xml.group("Error", |error| {
        error.text("Type", if refusal.status < 500 { "Sender" } else { "Receiver" });
        error.text("Code", &refusal.code).text("Message", &refusal.message);
    });
    xml.text("RequestId", request_id);
    let body = format!("<ErrorResponse>{}</ErrorResponse>", xml.into_text());
    Answer { code: Some(refusal.code.to_string()), ..Answer::xml(refusal.status, body, request_id) }
}

/// SSM: GetParameter, of Canonical's public parameters.
pub(super) fn ssm(region: &str, action: &str, body: &[u8], request_id: &str) -> Answer {
    let answered = match action {
        "GetParameter" => canonicals_image(region, body),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    };
    json_answer(answered, request_id)
}

fn canonicals_image(region: &str, body: &[u8]) -> Result<Value, Refusal> {
    let asked: Value =
        serde_json::from_slice(body).map_err(|_| Refusal::new("SerializationException", ""))?;
    let name = asked["Name"]
        .as_str()
        .ok_or_else(|| Refusal::new("ValidationException", "1 validation error detected: name"))?;
    let (value, since) =
        parameter(region, name).ok_or_else(|| Refusal::new("ParameterNotFound", ""))?;
    Ok(json!({ "Parameter": {
        "ARN": format!("arn:aws:ssm:{region}::parameter{name}"),
        "DataType": "aws:ec2:image",
        "LastModifiedDate": since.as_second(),
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": 3,
    } }))
}

/// What a service that speaks JSON answers.
pub(super) fn json_answer(answered: Result<Value, Refusal>, request_id: &str) -> Answer {
    match answered {
        Ok(body) => Answer { content_type: JSON, ..Answer::xml(200, body.to_string(), request_id) },
        Err(refusal) => ssm_refusal(&refusal, request_id),
    }
}

/// A refusal as SSM, and every service that speaks JSON, writes it.
pub(super) fn ssm_refusal(refusal: &Refusal, request_id: &str) -> Answer {
    let body = json!({ "__type": refusal.code, "message": refusal.message }).to_string();
    Answer {
        content_type: JSON,
        code: Some(refusal.code.to_string()),
        ..Answer::xml(refusal.status, body, request_id)
    }
}
