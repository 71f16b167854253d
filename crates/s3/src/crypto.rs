//! SHA-256 and HMAC for the signatures of requests, from OpenSSL, which is in the process anyway.

use object_store::client::{
    CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, Signer, SigningAlgorithm,
};
use object_store::{Error, Result};
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::md::Md;
use openssl::md_ctx::MdCtx;
use openssl::pkey::PKey;

/// The provider.
#[derive(Debug)]
pub(crate) struct OpenSsl;

impl CryptoProvider for OpenSsl {
    fn digest(&self, algorithm: DigestAlgorithm) -> Result<Box<dyn DigestContext>> {
        check(&algorithm)?;
        let hasher = Hasher::new(MessageDigest::sha256()).map_err(failed)?;
        Ok(Box::new(Digest { work: Ok(hasher), done: Vec::new() }))
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> Result<Box<dyn HmacContext>> {
        check(&algorithm)?;
        let work = PKey::hmac(secret).and_then(|key| {
            let mut context = MdCtx::new()?;
            context.digest_sign_init(Some(Md::sha256()), &key)?;
            Ok(context)
        });
        Ok(Box::new(Hmac { work: Ok(work.map_err(failed)?), done: Vec::new() }))
    }

    fn sign(&self, _algorithm: SigningAlgorithm, _pem: &[u8]) -> Result<Box<dyn Signer>> {
        let source = "S3 does not sign with RSA".to_owned().into();
        Err(Error::NotSupported { source })
    }
}

fn check(algorithm: &DigestAlgorithm) -> Result<()> {
    match algorithm {
        DigestAlgorithm::Sha256 => Ok(()),
        other => Err(Error::NotSupported { source: format!("{other:?}").into() }),
    }
}

fn failed(error: ErrorStack) -> Error {
    Error::Generic { store: "OpenSSL", source: Box::new(error) }
}

/// A digest; the first error of an update is told at the end.
struct Digest {
    work: std::result::Result<Hasher, ErrorStack>,
    done: Vec<u8>,
}

impl DigestContext for Digest {
    fn update(&mut self, data: &[u8]) {
        let updated = match &mut self.work {
            Ok(hasher) => hasher.update(data),
            Err(_) => return,
        };
        if let Err(error) = updated {
            self.work = Err(error);
        }
    }

    fn finish(&mut self) -> Result<&[u8]> {
        let finished = match &mut self.work {
            Ok(hasher) => hasher.finish(),
            Err(error) => Err(error.clone()),
        };
        self.done = finished.map_err(failed)?.to_vec();
        Ok(&self.done)
    }
}

/// An HMAC, in the same manner.
struct Hmac {
    work: std::result::Result<MdCtx, ErrorStack>,
    done: Vec<u8>,
}

impl HmacContext for Hmac {
    fn update(&mut self, data: &[u8]) {
        let updated = match &mut self.work {
            Ok(context) => context.digest_sign_update(data),
            Err(_) => return,
        };
        if let Err(error) = updated {
            self.work = Err(error);
        }
    }

    fn finish(&mut self) -> Result<&[u8]> {
        self.done.clear();
        let finished = match &mut self.work {
            Ok(context) => context.digest_sign_final_to_vec(&mut self.done),
            Err(error) => Err(error.clone()),
        };
        finished.map_err(failed)?;
        Ok(&self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn agrees_with_the_published_examples() {
        let mut digest = OpenSsl.digest(DigestAlgorithm::Sha256).unwrap();
        digest.update(b"a");
        digest.update(b"bc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(digest.finish().unwrap()), expected);
        // RFC 4231, test case 2.
        let mut hmac = OpenSsl.hmac(DigestAlgorithm::Sha256, b"Jefe").unwrap();
        hmac.update(b"what do ya want ");
        hmac.update(b"for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(hmac.finish().unwrap()), expected);
    }
}
