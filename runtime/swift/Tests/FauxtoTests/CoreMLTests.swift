#if canImport(CoreML)
  import CoreML
  import Fauxto
  import XCTest

  /// Core ML itself, on every compute unit, against the vectors; and how long it takes. Only a Mac or a phone can run it.
  final class CoreMLTests: XCTestCase {
    private static let units: [(name: String, unit: MLComputeUnits)] = [
      ("cpuOnly", .cpuOnly), ("cpuAndGPU", .cpuAndGPU), ("cpuAndNeuralEngine", .cpuAndNeuralEngine), ("all", .all),
    ]
    private let package = Vectors.model.appendingPathComponent("fauxto-r18.mlpackage")
    private let card = Vectors.model.appendingPathComponent("card.json")

    func testEveryComputeUnitGivesTheVectorsAnswers() async throws {
      let vectors = try Vectors.read()
      let allowed = try XCTUnwrap(vectors.tolerances.logit["fp16"])
      for (name, unit) in Self.units {
        let detector = try await Detector(model: package, card: card, computeUnits: unit)
        var worst = (logit: 0.0, p: 0.0)
        var flips = 0
        for one in vectors.cases {
          let logits = try await detector.logits(of: Vectors.crops(one.crops))
          XCTAssertEqual(logits.count, one.logits.count)
          for (own, other) in zip(logits, one.logits) { worst.logit = max(worst.logit, abs(own - other)) }
          let record = try detector.judge.prediction(logits: logits, width: one.width, height: one.height)
          worst.p = max(worst.p, abs(try XCTUnwrap(record.pAI) - one.pAi))
          if record.verdict != one.verdicts[detector.judge.operatingPoint]?.verdict { flips += 1 }
        }
        print(
          "figures: \(name): max |dlogit| \(worst.logit), max |dp| \(worst.p), \(flips) of \(vectors.cases.count) flip")
        // An accelerator rounds otherwise than the interpreter that the tolerance was measured with.
        XCTAssertLessThan(worst.logit, unit == .cpuOnly ? 2 * allowed : 10 * allowed, name)
        XCTAssertEqual(flips, 0, name)
      }
    }

    func testGoldenPicturesGiveTheCardsLogits() async throws {
      let detector = try await Detector(model: package, card: card)
      let difference = try await detector.goldenDifference()
      print("figures: golden pictures: max |dlogit| \(difference)")
      XCTAssertLessThan(difference, 0.1)
    }

    func testFilesAreDecodedAsTheVectorsAre() throws {
      // Core Graphics rounds 16-bit samples and transparency by rules of its own.
      let rounded = ["sixteen-bit": 1, "transparency": 2]
      for one in try Vectors.read().cases {
        let image = try Pixels(contentsOf: Vectors.folder.appendingPathComponent(one.file))
        XCTAssertEqual([image.height, image.width, 3], one.rgb.shape, one.name)
        let expected = try Vectors.pixels(one.rgb).samples
        let worst = (0..<(image.width * image.height * 3)).map { i in
          abs(Int(image.samples[i / 3 * 4 + i % 3]) - Int(expected[i]))
        }.max()
        print("figures: decoding \(one.name): \(worst ?? -1) levels at most")
        let allowed = max(one.rgb.tolerance ?? 0, rounded[one.name] ?? 0)
        XCTAssertLessThanOrEqual(try XCTUnwrap(worst), allowed, one.name)
      }
    }

    func testAPictureThatCannotBeReadIsAnAnswer() async throws {
      let detector = try await Detector(model: package, card: card, computeUnits: .cpuOnly)
      let answers = [
        try await detector.predict(contentsOf: URL(fileURLWithPath: "/nowhere/a.jpg")),
        try await detector.predict(encoded: Data("no picture".utf8), path: "b"),
        try await detector.predict(encoded: Data(), path: "c"),
      ]
      for answer in answers {
        XCTAssertEqual(answer.status, .error)
        XCTAssertNil(answer.verdict)
        XCTAssertFalse((answer.error ?? "").isEmpty)
      }
      let tiny = try await detector.predict(Pixels(width: 1, height: 1, samples: [1, 2, 3]))
      XCTAssertEqual(tiny.reason, .tooSmall)
    }

    func testAModelWithoutItsCardIsRefused() async throws {
      do {
        _ = try await Detector(model: package, card: URL(fileURLWithPath: "/nowhere/card.json"))
        XCTFail("a missing card was taken")
      } catch FauxtoError.card(let reason) {
        XCTAssertTrue(reason.contains("copy it beside the model"), reason)
      }
      do {
        _ = try await Detector(model: URL(fileURLWithPath: "/nowhere/x.mlpackage"), card: card)
        XCTFail("a missing model was taken")
      } catch FauxtoError.model(let reason) {
        XCTAssertTrue(reason.hasPrefix("/nowhere/x.mlpackage: cannot be loaded"), reason)
      }
    }

    func testAModelOfAnotherInputSizeIsRefused() async throws {
      var json = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(contentsOf: card)) as? [String: Any])
      var input = try XCTUnwrap(json["input"] as? [String: Any])
      input["crop_size"] = 192
      json["input"] = input
      let other = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
      try JSONSerialization.data(withJSONObject: json).write(to: other)
      do {
        _ = try await Detector(model: package, card: other)
        XCTFail("a model for crops of 224 px was taken with a card for 192 px")
      } catch FauxtoError.model(let reason) {
        XCTAssertTrue(reason.hasSuffix("takes 224 x 224 px, and the card says 192; take both of one release"), reason)
      }
      try FileManager.default.removeItem(at: other)
    }

    func testACancelledTaskGivesNoAnswer() async throws {
      let detector = try await Detector(model: package, card: card, computeUnits: .cpuOnly)
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await detector.predict(.golden(2))
      }
      task.cancel()
      do {
        _ = try await task.value
        XCTFail("a cancelled task answered")
      } catch is CancellationError {}
    }

    func testTimeOfResizingTwelveMegapixels() throws {
      let samples = (0..<UInt32(4000 * 3000 * 3)).map { UInt8(($0 &* 2_654_435_761) >> 24) }
      let image = try Pixels(width: 4000, height: 3000, samples: samples)
      var resized: Pixels?
      measure(metrics: [XCTClockMetric(), XCTCPUMetric(), XCTMemoryMetric()]) {
        resized = try? Resize.bicubic(image, width: 853, height: 640)
      }
      XCTAssertEqual(resized?.samples.count, 853 * 640 * 3)
    }

    func testTimeOfAPicture() async throws {
      let detector = try await Detector(model: package, card: card)
      let crops = try detector.card.input.crops(of: .golden(2))
      _ = try await detector.logits(of: crops)
      measure(metrics: [XCTClockMetric(), XCTCPUMetric(), XCTMemoryMetric()]) {
        let done = expectation(description: "five crops")
        Task {
          _ = try await detector.logits(of: crops)
          done.fulfill()
        }
        wait(for: [done], timeout: 30)
      }
    }
  }
#endif
