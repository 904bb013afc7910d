use weir_event::{Amount, limits};

/// The codes of ISO 4217 that are money someone pays with, sorted.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN \
    BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD \
    FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF \
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN \
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP \
    SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED \
    VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Digits of the minor unit where they are not two.
fn minor_digits(code: &str) -> usize {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

fn known(currency: &str) -> Option<[u8; 3]> {
    let code: [u8; 3] = currency.as_bytes().try_into().ok()?;
    let code = code.map(|c| c.to_ascii_uppercase());
    CODES.split_ascii_whitespace().any(|known| known.as_bytes() == code).then_some(code)
}

/// Reads a decimal text such as `12.34` in major units. More digits than the currency has are
/// rounded, half away from zero: scripts compute prices in binary fractions. `None` where the text
/// is no decimal number, the amount over the limit, or the currency no currency.
pub(crate) fn amount(decimal: &str, currency: &str) -> Option<Amount> {
    let code = known(currency)?;
    let digits = minor_digits(std::str::from_utf8(&code).ok()?);
    let (negative, text) = match decimal.trim().strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, decimal.trim()),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut minor: i64 = 0;
    let padded = fraction.bytes().chain(std::iter::repeat(b'0')).take(digits);
    for digit in whole.bytes().chain(padded) {
        minor = minor.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    let rest = fraction.as_bytes().get(digits).copied().unwrap_or(b'0');
    let minor = minor.checked_add(i64::from(rest >= b'5'))?;
    within_limit(if negative { -minor } else { minor }).map(|minor| Amount { currency: code, minor })
}

/// An amount that is given in minor units.
pub(crate) fn minor_amount(minor: i64, currency: &str) -> Option<Amount> {
    let code = known(currency)?;
    within_limit(minor).map(|minor| Amount { currency: code, minor })
}

fn within_limit(minor: i64) -> Option<i64> {
    (minor.unsigned_abs() <= limits::AMOUNT_MINOR_MAX.unsigned_abs()).then_some(minor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_amount(decimal: &str, currency: &str, expected: Option<i64>) {
        assert_eq!(amount(decimal, currency).map(|a| a.minor), expected, "{decimal} {currency}");
    }

    #[test]
    fn an_amount_is_counted_in_its_currency_s_smallest_unit() {
        check_amount("12.34", "EUR", Some(1_234));
        check_amount("12", "eur", Some(1_200));
        check_amount(".5", "USD", Some(50));
        check_amount("5.", "USD", Some(500));
        check_amount("-12.3", "EUR", Some(-1_230));
        check_amount("1200", "JPY", Some(1_200));
        check_amount("1.2345", "KWD", Some(1_235));
        check_amount("0.00001", "CLF", Some(0));
    }

    #[test]
    fn what_a_script_s_arithmetic_leaves_behind_is_rounded() {
        check_amount("12.340000000000002", "EUR", Some(1_234));
        check_amount("12.339999999999998", "EUR", Some(1_234));
        check_amount("0.995", "EUR", Some(100));
        check_amount("1.5", "JPY", Some(2));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "-", "twelve", "1,50", "1e3", "0x10", "--1", "+1", "NaN", "1.2.3", "１２"] {
            check_amount(text, "EUR", None);
        }
        for currency in ["", "EU", "EURO", "XXX", "€", "E\0R"] {
            check_amount("1", currency, None);
        }
    }

    #[test]
    fn an_amount_is_refused_one_past_the_limit() {
        check_amount("1000000000.00", "EUR", Some(limits::AMOUNT_MINOR_MAX));
        check_amount("1000000000.01", "EUR", None);
        check_amount("-1000000000.00", "EUR", Some(-limits::AMOUNT_MINOR_MAX));
        check_amount("-1000000000.01", "EUR", None);
        check_amount("99999999999999999999999999", "EUR", None);
        assert_eq!(minor_amount(limits::AMOUNT_MINOR_MAX + 1, "EUR"), None);
        assert_eq!(minor_amount(i64::MIN, "EUR"), None);
    }

    #[test]
    fn every_currency_is_listed_once_in_order() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1] && pair[0].len() == 3));
    }

    proptest! {
        #[test]
        fn no_text_panics(decimal in "\\PC{0,30}|[-0-9.]{0,40}", currency in "\\PC{0,4}|[A-Z]{3}") {
            let _ = amount(&decimal, &currency);
        }
    }
}
