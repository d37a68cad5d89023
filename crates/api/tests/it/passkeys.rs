//! Passkeys, with an authenticator in software: as a second factor, and alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use innkeeper_domain::invitations::Registration;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::house::{Answer, Client, House, PASSWORD};

const ORIGIN: &str = "https://rooms.example.org";
const BEGIN: &str = "/api/v1/sessions/passkey/begin";
const SIGN_IN: &str = "/api/v1/sessions/passkey";

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// An authenticator that holds one key, by the WebAuthn recommendation.
struct Authenticator {
    key: SigningKey,
    id: [u8; 16],
    counter: u32,
    flags: u8,
    origin: String,
    user: Value,
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Authenticator {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let flags = PRESENT | VERIFIED;
        Self { key, id: [seed; 16], counter: 0, flags, origin: ORIGIN.to_owned(), user: Value::Null }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        let data =
            json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&mut self, rp_id: &Value, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Sha256::digest(rp_id.as_str().unwrap().as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// `navigator.credentials.create`.
    fn create(&mut self, options: &Value) -> Value {
        self.user = options["publicKey"]["user"]["id"].clone();
        let mut data = self.authenticator_data(&options["publicKey"]["rp"]["id"], self.flags | ATTESTED);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        let point = self.key.verifying_key().as_affine().to_sec1_point(false);
        // The public key in COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(point.x().unwrap());
        data.extend([0x22, 0x58, 0x20]);
        data.extend(point.y().unwrap());
        // {"fmt": "none", "attStmt": {}, "authData": bytes} in CBOR.
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(data);
        let client_data = self.client_data("webauthn.create", options);
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": { "attestationObject": b64(&attestation), "clientDataJSON": b64(&client_data), "transports": ["internal"] },
        })
    }

    /// `navigator.credentials.get`.
    fn get(&mut self, options: &Value) -> Value {
        let data = self.authenticator_data(&options["publicKey"]["rpId"], self.flags);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [data.clone(), Sha256::digest(&client_data).to_vec()].concat();
        let signature: Signature = self.key.sign(&signed);
        json!({
            "id": b64(&self.id), "rawId": b64(&self.id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "authenticatorData": b64(&data), "clientDataJSON": b64(&client_data),
                "signature": b64(signature.to_der().as_bytes()), "userHandle": self.user,
            },
        })
    }
}

async fn add(client: &Client<'_>, authenticator: &mut Authenticator) -> Answer {
    let begun = client.post("/api/v1/me/passkeys/begin", &json!({ "password": PASSWORD })).await.expect(201);
    let credential = authenticator.create(&begun["options"]);
    let made = json!({ "ticket": begun["ticket"], "name": "Phone", "credential": credential });
    client.post("/api/v1/me/passkeys", &made).await
}

/// Signs in by passkey alone.
async fn sign_in(house: &House, authenticator: &mut Authenticator) -> Answer {
    let begun = house.anybody().post(BEGIN, &json!({})).await.expect(201);
    let credential = authenticator.get(&begun["options"]);
    house.anybody().post(SIGN_IN, &json!({ "ticket": begun["ticket"], "credential": credential })).await
}

#[tokio::test]
async fn a_passkey_signs_in_alone_and_answers_are_good_once() {
    let house = House::with_mail(Registration::Closed).await;
    let admin = house.admin().await;
    let mut phone = Authenticator::new(7);
    let added = add(&admin, &mut phone).await.expect(201);
    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    let begun = house.anybody().post(BEGIN, &json!({})).await.expect(201);
    assert_eq!(begun["options"]["publicKey"]["userVerification"], "required");
    let shown = json!({ "ticket": begun["ticket"], "credential": phone.get(&begun["options"]) });
    let signed_in = house.anybody().post(SIGN_IN, &shown).await.expect(201);
    assert_eq!(signed_in["session"]["method"], "passkey");
    house.with_token(&signed_in).get("/api/v1/me").await.expect(200);
    // Neither the ticket, nor the same answer under another ticket.
    assert_eq!(house.anybody().post(SIGN_IN, &shown).await.problem(401), "ticket_ended");
    let another = house.anybody().post(BEGIN, &json!({})).await.expect(201);
    let replayed = json!({ "ticket": another["ticket"], "credential": shown["credential"] });
    assert_eq!(house.anybody().post(SIGN_IN, &replayed).await.problem(401), "wrong_passkey");
    let late = house.anybody().post(BEGIN, &json!({})).await.expect(201);
    house.clock.advance(Duration::from_mins(5));
    let late = json!({ "ticket": late["ticket"], "credential": phone.get(&late["options"]) });
    assert_eq!(house.anybody().post(SIGN_IN, &late).await.problem(401), "ticket_ended");
    assert_eq!(house.mails().await[0].subject, "Innkeeper: how you sign in was changed");
}

#[tokio::test]
async fn what_a_passkey_must_not_do_is_refused() {
    let house = House::with_mail(Registration::Closed).await;
    let admin = house.admin().await;
    let mut phone = Authenticator::new(7);
    add(&admin, &mut phone).await.expect(201);
    assert_eq!(add(&admin, &mut phone).await.expect(422)["field"], "credential", "it was asked to refuse");
    let other = house.user(&admin, "eve", "user").await;
    let own = phone.user.clone();
    assert_eq!(add(&other, &mut phone).await.problem(409), "passkey_known");
    phone.user = own;
    // Another page, nobody verified, a copy that counts from the start, a stranger, another user's name on it.
    phone.origin = "https://rooms.example.org.evil.example".to_owned();
    assert_eq!(sign_in(&house, &mut phone).await.problem(401), "wrong_passkey");
    phone.origin = ORIGIN.to_owned();
    phone.flags = PRESENT;
    assert_eq!(sign_in(&house, &mut phone).await.problem(401), "wrong_passkey");
    phone.flags = PRESENT | VERIFIED;
    sign_in(&house, &mut phone).await.expect(201);
    let counted = phone.counter;
    phone.counter = 0;
    assert_eq!(sign_in(&house, &mut phone).await.problem(401), "wrong_passkey");
    phone.counter = counted;
    assert_eq!(sign_in(&house, &mut Authenticator::new(9)).await.problem(401), "wrong_passkey");
    let own = std::mem::replace(&mut phone.user, json!(b64(&[1; 16])));
    assert_eq!(sign_in(&house, &mut phone).await.problem(401), "wrong_passkey");
    phone.user = own;
    sign_in(&house, &mut phone).await.expect(201);
    // The same key under a forged id.
    let mut forged = Authenticator::new(8);
    forged.id = phone.id;
    forged.user = phone.user.clone();
    forged.counter = 100;
    assert_eq!(sign_in(&house, &mut forged).await.problem(401), "wrong_passkey");
    // Nor is one taken that did not verify its user when it was made.
    let mut unverified = Authenticator::new(10);
    unverified.flags = PRESENT;
    assert_eq!(add(&admin, &mut unverified).await.expect(422)["field"], "credential");
    let nonsense = json!({ "ticket": "ikt_x", "name": "X", "credential": { "id": "x" } });
    assert_eq!(admin.post("/api/v1/me/passkeys", &nonsense).await.expect(422)["field"], "credential");
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_for_its_own_user_only() {
    let house = House::with_mail(Registration::Closed).await;
    let admin = house.admin().await;
    let other = house.user(&admin, "eve", "user").await;
    let (mut phone, mut eves) = (Authenticator::new(7), Authenticator::new(8));
    add(&admin, &mut phone).await.expect(201);
    add(&other, &mut eves).await.expect(201);
    let given = json!({ "email": "ada@example.org", "password": PASSWORD });
    let half = house.anybody().post("/api/v1/sessions", &given).await.expect(202);
    assert_eq!(
        (&half["passkey"], &half["totp"], &half["recovery_code"]),
        (&json!(true), &json!(false), &json!(true))
    );
    let first = json!({ "ticket": half["ticket"] });
    let begun = house.anybody().post(BEGIN, &first).await.expect(201);
    assert_eq!(begun["options"]["publicKey"]["allowCredentials"][0]["id"], b64(&phone.id));
    let shown = json!({ "ticket": begun["ticket"], "credential": eves.get(&begun["options"]) });
    assert_eq!(house.anybody().post(SIGN_IN, &shown).await.problem(401), "wrong_passkey");
    let begun = house.anybody().post(BEGIN, &first).await.expect(201);
    let shown = json!({ "ticket": begun["ticket"], "credential": phone.get(&begun["options"]) });
    let signed_in = house.anybody().post(SIGN_IN, &shown).await.expect(201);
    assert_eq!(
        (&signed_in["session"]["method"], &signed_in["user"]["email"]),
        (&json!("password"), &json!("ada@example.org"))
    );
    assert_eq!(house.anybody().post(BEGIN, &first).await.problem(401), "ticket_ended");
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_removed_by_their_owner() {
    let house = House::with_mail(Registration::Closed).await;
    let admin = house.admin().await;
    let other = house.user(&admin, "eve", "user").await;
    let mut phone = Authenticator::new(7);
    let added = add(&admin, &mut phone).await.expect(201);
    let path = format!("/api/v1/me/passkeys/{}", added["passkey"]["id"].as_str().unwrap());
    let name = json!({ "name": "Key ring" });
    assert_eq!(other.patch(&path, &name).await.problem(404), "not_found");
    assert_eq!(admin.patch(&path, &name).await.expect(200)["name"], "Key ring");
    assert_eq!(admin.get("/api/v1/me/passkeys").await.expect(200)["items"][0]["name"], "Key ring");
    assert_eq!(other.get("/api/v1/me/passkeys").await.expect(200)["items"], json!([]));
    let again = json!({ "password": PASSWORD });
    let remove = format!("{path}/remove");
    assert_eq!(other.post(&remove, &again).await.problem(404), "not_found");
    assert_eq!(admin.post(&remove, &json!({})).await.expect(422)["field"], "password");
    admin.post(&remove, &again).await.expect(204);
    assert_eq!(sign_in(&house, &mut phone).await.problem(401), "wrong_passkey");
    let factors = admin.get("/api/v1/me/factors").await.expect(200);
    assert_eq!((&factors["passkeys"], &factors["recovery_codes"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn without_an_address_there_are_no_passkeys_and_that_is_said() {
    let house = House::new().await;
    let admin = house.admin().await;
    let begun = admin.post("/api/v1/me/passkeys/begin", &json!({ "password": PASSWORD })).await;
    assert_eq!(begun.problem(409), "passkeys_unavailable");
    assert!(begun.text().contains("server.public_url"), "{}", begun.text());
    assert_eq!(house.anybody().post(BEGIN, &json!({})).await.problem(409), "passkeys_unavailable");
    assert_eq!(house.anybody().get("/api/v1/setup").await.expect(200)["passkeys"], false);
}
