import Fauxto
import XCTest

/// Every step from pixels to words, alone, against the Python runtime.
final class VectorTests: XCTestCase {
  func testCropsAreCutWhereTheVectorsSay() throws {
    let rule = try Vectors.card().input
    for one in try Vectors.read().cases {
      let scaled = rule.scaledSize(width: one.width, height: one.height)
      XCTAssertEqual([scaled.width, scaled.height], one.scaled, one.name)
      let offsets = rule.offsets(width: scaled.width, height: scaled.height).map { [$0.left, $0.top] }
      XCTAssertEqual(offsets, one.offsets, one.name)
    }
  }

  func testCropsHaveTheVectorsPixels() throws {
    let rule = try Vectors.card().input
    let vectors = try Vectors.read()
    for one in vectors.cases {
      let image = try Vectors.pixels(one.rgb)
      XCTAssertEqual([image.height, image.width, 3], one.rgb.shape, one.name)
      let found = try rule.crops(of: image)
      let expected = try Vectors.crops(one.crops)
      XCTAssertEqual(found.count, expected.count, one.name)
      let isScaled = one.scaled != [one.width, one.height]
      let allowed = try XCTUnwrap(vectors.tolerances.crops[isScaled ? "scaled" : "unscaled"])
      for (i, (own, other)) in zip(found, expected).enumerated() {
        let worst = zip(own.samples, other.samples).map { abs(Int($0) - Int($1)) }.max()
        XCTAssertLessThanOrEqual(try XCTUnwrap(worst), allowed, "\(one.name), crop \(i): levels")
      }
    }
  }

  func testAFourthSampleIsNotLookedAt() throws {
    let rule = try Vectors.card().input
    for one in try Vectors.read().cases where ["large", "landscape"].contains(one.name) {
      let image = try Vectors.pixels(one.rgb)
      var samples = [UInt8]()
      for at in stride(from: 0, to: image.samples.count, by: 3) {
        samples += image.samples[at..<(at + 3)] + [UInt8(at % 251)]
      }
      let padded = try Pixels(width: image.width, height: image.height, channels: 4, samples: samples)
      XCTAssertEqual(try rule.crops(of: padded), try rule.crops(of: image), one.name)
    }
  }

  func testLogitsArePooledCalibratedAndPutIntoWords() throws {
    let card = try Vectors.card()
    let vectors = try Vectors.read()
    for one in vectors.cases {
      for (name, words) in one.verdicts {
        let judge = try Judge(card: card, operatingPoint: name)
        let record = try judge.prediction(logits: one.logits, width: one.width, height: one.height)
        XCTAssertEqual(try XCTUnwrap(record.logit), one.logit, accuracy: 1e-12, one.name)
        XCTAssertEqual(try XCTUnwrap(record.pAI), one.pAi, accuracy: vectors.tolerances.pAiFromLogit, one.name)
        XCTAssertEqual(record.verdict, words.verdict, "\(one.name) at \(name)")
        XCTAssertEqual(record.lean, words.lean, "\(one.name) at \(name)")
        XCTAssertEqual(record.reason, words.reason, "\(one.name) at \(name)")
        let rare = try Judge(card: card, operatingPoint: name, prior: vectors.prior)
          .prediction(logits: one.logits, width: one.width, height: one.height)
        XCTAssertEqual(
          try XCTUnwrap(rare.pAI), one.pAiAtPrior, accuracy: vectors.tolerances.pAiFromLogit, one.name)
        XCTAssertEqual(rare.verdict, words.verdict, "\(one.name): the prior moved the verdict")
      }
    }
  }

  func testAnOrientationTurnsTheVectorUpright() throws {
    let one = try XCTUnwrap(Vectors.read().cases.first { $0.name == "orientation-6" })
    let stored = try PNG.pixels(Vectors.folder.appendingPathComponent(one.file))
    XCTAssertNotEqual([stored.height, stored.width, 3], one.rgb.shape)
    XCTAssertEqual(stored.upright(orientation: 6), try Vectors.pixels(one.rgb))
  }
}
