import Fauxto
import Foundation
import XCTest

final class PredictionTests: XCTestCase {
  /// The keys of Python's record, in `runtime/fauxto/prediction.py`.
  private let keys: Set<String> = [
    "schema", "path", "status", "verdict", "lean", "p_ai", "prior", "logit", "operating_point", "threshold", "reason",
    "width",
    "height", "model", "model_sha256", "provider", "elapsed_ms", "error", "declared", "declared_by", "signature",
  ]

  private func object(_ record: Prediction) throws -> [String: Any] {
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(record))
    return try XCTUnwrap(json as? [String: Any])
  }

  private func judged(_ logits: [Double], width: Int = 400, height: Int = 300) throws -> Prediction {
    try Judge(card: Vectors.card()).prediction(logits: logits, width: width, height: height, path: "é\u{202E}\n.jpg")
  }

  func testARecordHasEveryKeyAndNullForWhatDoesNotApply() throws {
    let record = try object(judged([-9, -9, -9, -9, -9]))
    XCTAssertEqual(Set(record.keys), keys)
    XCTAssertEqual(record["schema"] as? Int, 2)
    XCTAssertEqual(record["verdict"] as? String, "no_sign")
    for key in ["lean", "error", "declared", "declared_by", "signature", "provider"] {
      XCTAssertTrue(record[key] is NSNull, key)
    }
  }

  func testARecordIsReadAsItWasWritten() throws {
    for logits in [[9.0, 9, 9, 9, 9], [0.8, 0.8, 0.7, 0.6, 0.5]] {
      let record = try judged(logits)
      XCTAssertEqual(try JSONDecoder().decode(Prediction.self, from: JSONEncoder().encode(record)), record)
    }
  }

  func testAnotherSchemaAndUnknownFieldsAreRefused() throws {
    var record = try object(judged([1, 1, 1, 1, 1]))
    record["schema"] = 1
    XCTAssertThrowsError(
      try JSONDecoder().decode(Prediction.self, from: JSONSerialization.data(withJSONObject: record)))
    record["schema"] = 2
    record["mood"] = "fine"
    XCTAssertThrowsError(
      try JSONDecoder().decode(Prediction.self, from: JSONSerialization.data(withJSONObject: record))
    ) { error in
      guard case DecodingError.dataCorrupted(let context) = error else { return XCTFail("\(error)") }
      XCTAssertEqual(context.debugDescription, "unknown fields: mood")
    }
  }

  func testAPictureThatIsTooSmallHasNoLeanAndNoChance() throws {
    let record = try judged([9, 9, 9, 9, 9], width: 1, height: 1)
    XCTAssertEqual(record.verdict, .unsure)
    XCTAssertEqual(record.reason, .tooSmall)
    XCTAssertNil(record.lean)
    XCTAssertNil(record.chance)
  }

  func testAChanceIsNeverNoneOrCertain() throws {
    XCTAssertEqual(try judged([-90, -90, -90, -90, -90]).chance, "AI < 1 %")
    XCTAssertEqual(try judged([900, 900, 900, 900, 900]).chance, "AI > 99 %")
    let calibration = try Vectors.card().calibration
    let share = 100 / (1 + exp(-(0.8 / calibration.temperature + calibration.bias)))
    XCTAssertEqual(try judged([0.8, 0.8, 0.8, 0.8, 0.8]).chance, "AI \(Int(share.rounded())) %")
  }

  func testAnAnswerThatIsNoNumberIsAnError() throws {
    for bad in [Double.nan, .infinity] {
      let record = try judged([bad, 1, 2, 3, 4])
      XCTAssertEqual(record.status, .error)
      XCTAssertEqual(record.error, "the model's answer is no number; try computeUnits .cpuOnly")
      XCTAssertNil(record.verdict)
      XCTAssertEqual(try Set(object(record).keys), keys)
    }
  }

  func testFourLogitsForFiveCropsAreRefused() {
    XCTAssertThrowsError(try judged([1, 2, 3, 4])) { error in
      guard case .model? = error as? FauxtoError else { return XCTFail("\(error)") }
    }
  }
}
