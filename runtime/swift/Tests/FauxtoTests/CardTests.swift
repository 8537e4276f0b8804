import Fauxto
import Foundation
import XCTest

final class CardTests: XCTestCase {
  private let file = Vectors.model.appendingPathComponent("card.json")

  /// The released card with some of its fields changed; a key can be a path, "input.filter".
  private func json(_ changes: [String: Any?]) throws -> Data {
    var card = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    for (path, value) in changes {
      let keys = path.split(separator: ".").map(String.init)
      if keys.count == 1 {
        card[keys[0]] = value
      } else {
        var inner = try XCTUnwrap(card[keys[0]] as? [String: Any])
        inner[keys[1]] = value
        card[keys[0]] = inner
      }
    }
    return try JSONSerialization.data(withJSONObject: card)
  }

  /// What is said of a card with these changes; nil where it is taken.
  private func refusal(_ changes: [String: Any?]) throws -> String? {
    do {
      _ = try Card(json: json(changes), name: "card.json")
      return nil
    } catch FauxtoError.card(let reason) {
      return reason
    }
  }

  func testTheReleasedCardIsReadWithItsFigures() throws {
    let card = try Card(contentsOf: file)
    XCTAssertTrue(card.release.hasPrefix("fauxto-r18-v"), card.release)
    XCTAssertEqual(card.input.positions.count, 5)
    XCTAssertEqual(card.golden.count, 3)
    let sentence = try XCTUnwrap(card.test?.sentence(operatingPoint: card.defaultOperatingPoint))
    XCTAssertTrue(sentence.contains(" photographs were called ai; of "), sentence)
    XCTAssertNil(card.test?.sentence(operatingPoint: "fpr5", condition: "never measured"))
  }

  func testWhatIsWrittenIsReadAgain() throws {
    let card = try Card(contentsOf: file)
    XCTAssertEqual(try Card(json: JSONEncoder().encode(card), name: "written"), card)
  }

  func testAnotherSchemaIsRefusedWithTheFix() throws {
    XCTAssertEqual(
      try refusal(["card": 1]),
      "card.json: card schema 1 is not 2; take the card.json of the model's folder, or a newer release of the model")
    XCTAssertEqual(try refusal(["card": 3]), "card.json: card schema 3 is not 2; get a Fauxto that reads it")
  }

  func testValuesThatNoRuntimeCouldWorkWithAreRefused() throws {
    let wrong: [(String, Any)] = [
      ("input.filter", "nearest"), ("input.pooling", "mean"), ("input.crop_size", 0), ("input.max_short_side", 100),
      ("input.positions", [[0.5, 1.5]]), ("input.positions", [[0.5]]), ("input.positions", [[Double]]()),
      ("input.pooled_crops", 6), ("input.mean", [0.5]), ("input.std", [0.2, 0, 0.2]), ("calibration.temperature", 0),
      ("labels", ["ai"]), ("positive_label", "cat"), ("default_operating_point", "fpr2"), ("minimum_short_side", 0),
      ("golden", [["picture": 7, "logit": 0.5]]), ("version", -1),
    ]
    for (path, value) in wrong {
      let name = try XCTUnwrap(path.split(separator: ".").last)
      let field = name == "temperature" ? "calibration" : String(name)
      XCTAssertEqual(
        try refusal([path: value]), "card.json: \(field) is not what this Fauxto knows; export the model again", path)
    }
    XCTAssertEqual(
      try refusal(["input.crop_size": nil]), "card.json: the field input.crop_size is missing; export the model again")
    XCTAssertEqual(
      try refusal(["input.crop_size": "big"]),
      "card.json: the field input.crop_size has a wrong value; export the model again")
    XCTAssertNil(try refusal(["version": 7]))
  }

  func testAMissingOrDamagedFileIsNamed() {
    let missing = URL(fileURLWithPath: "/nowhere/card.json")
    XCTAssertThrowsError(try Card(contentsOf: missing)) { error in
      XCTAssertEqual(
        error as? FauxtoError,
        .card("/nowhere/card.json: cannot be read; a model needs its card.json: copy it beside the model"))
    }
    for text in ["", "{", "[]", "12", "{}", "{\"card\": \"2\"}"] {
      XCTAssertThrowsError(try Card(json: Data(text.utf8), name: "x")) { error in
        guard case .card(let reason)? = error as? FauxtoError else { return XCTFail("\(text): \(error)") }
        XCTAssertTrue(reason.hasPrefix("x: "), reason)
        XCTAssertTrue(reason.hasSuffix("; export the model again"), reason)
      }
    }
  }

  func testAnUnknownOperatingPointAndAPriorThatCannotBeAreRefused() throws {
    let card = try Card(contentsOf: file)
    XCTAssertThrowsError(try Judge(card: card, operatingPoint: "fpr9")) { error in
      XCTAssertEqual(
        error as? FauxtoError, .argument("no operating point 'fpr9'; the model has balanced, fpr1, fpr5"))
    }
    for prior in [0, 1, -0.5, .nan] {
      XCTAssertThrowsError(try Judge(card: card, prior: prior)) { error in
        XCTAssertEqual(
          error as? FauxtoError, .argument("prior \(prior): the share of AI pictures must lie between 0 and 1"))
      }
    }
  }
}
