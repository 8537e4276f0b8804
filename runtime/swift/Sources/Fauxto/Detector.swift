#if canImport(CoreML)
  @preconcurrency import CoreML
  import CryptoKit
  import Foundation

  /// Looks for signs of AI generation in pictures, by Core ML, without sending a picture anywhere.
  ///
  ///     let detector = try await Detector(resource: "fauxto-r18")
  ///     let answer = try await detector.predict(contentsOf: url)
  ///     print(answer.verdict?.words ?? answer.error ?? "")
  ///
  /// Decoding and preprocessing run beside each other; the network answers for one picture at a time.
  public actor Detector {
    /// What turns logits into records; it holds the card.
    public nonisolated let judge: Judge
    /// sha256 of the model's weights, hexadecimal; nil where the compiled model has no such file.
    public nonisolated let modelSHA256: String?
    private let model: MLModel
    private let output: Output

    /// The model's numbers.
    public nonisolated var card: Card { judge.card }

    /// Load a model that lies in an app.
    ///
    /// - Parameters:
    ///   - resource: name of the model: Xcode compiles `fauxto-r18.mlpackage` in the app's target.
    ///   - bundle: of the app.
    ///   - computeUnits: what may run it.
    ///   - operatingPoint: its name; default: the card's own.
    ///   - prior: the share of AI pictures where yours come from, 0...1, both ends excluded.
    /// - Throws: see `init(model:card:computeUnits:operatingPoint:prior:)`.
    public init(
      resource: String, bundle: Bundle = .main, computeUnits: MLComputeUnits = .all, operatingPoint: String? = nil,
      prior: Double = Calibration.evenOdds
    ) async throws {
      guard let model = bundle.url(forResource: resource, withExtension: "mlmodelc") else {
        throw FauxtoError.model("\(resource): not in the app; add \(resource).mlpackage to its target")
      }
      try await self.init(
        model: model, card: bundle.url(forResource: "card", withExtension: "json"), computeUnits: computeUnits,
        operatingPoint: operatingPoint, prior: prior)
    }

    /// Load a model from a file.
    ///
    /// - Parameters:
    ///   - url: of a compiled model (`.mlmodelc`), or of an `.mlpackage`, which is compiled each time.
    ///   - cardURL: of `card.json`; default: the card inside of the model, which has no figures of test. Models up to
    ///     release 6 hold one of an older schema and need the file.
    ///   - computeUnits: what may run it.
    ///   - operatingPoint: its name; default: the card's own.
    ///   - prior: the share of AI pictures where yours come from, 0...1, both ends excluded.
    /// - Throws: `FauxtoError.model` where it is missing, damaged, or not the one of its card; `.card`; `.argument`.
    public init(
      model url: URL, card cardURL: URL? = nil, computeUnits: MLComputeUnits = .all, operatingPoint: String? = nil,
      prior: Double = Calibration.evenOdds
    ) async throws {
      let configuration = MLModelConfiguration()
      configuration.computeUnits = computeUnits
      let compiled: URL
      do {
        compiled = url.pathExtension == "mlmodelc" ? url : try await MLModel.compileModel(at: url)
        model = try await MLModel.load(contentsOf: compiled, configuration: configuration)
      } catch {
        throw FauxtoError.model("\(url.path): cannot be loaded (\(error.localizedDescription)); copy it anew")
      }
      let description = model.modelDescription
      let card = try cardURL.map { try Card(contentsOf: $0) } ?? Self.card(in: description, name: url.path)
      judge = try Judge(card: card, operatingPoint: operatingPoint, prior: prior)
      output = try Output(of: description, card: card, name: url.path)
      let weights = compiled.appendingPathComponent("weights/weight.bin")
      modelSHA256 = (try? Data(contentsOf: weights, options: .mappedIfSafe)).map { data in
        SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
      }
    }

    /// The answer for one file. A picture that cannot be read is an answer with status `error`.
    ///
    /// - Throws: `CancellationError`; `FauxtoError.model` where the model fails on it.
    public nonisolated func predict(contentsOf url: URL) async throws -> Prediction {
      try await predict(path: url.path) { try Pixels(contentsOf: url) }
    }

    /// The answer for the bytes of a file. A picture that cannot be read is an answer with status `error`.
    ///
    /// - Parameters:
    ///   - data: see `Pixels.init(encoded:)`.
    ///   - path: what the picture is called.
    /// - Throws: `CancellationError`; `FauxtoError.model` where the model fails on it.
    public nonisolated func predict(encoded data: Data, path: String? = nil) async throws -> Prediction {
      try await predict(path: path) { try Pixels(encoded: data) }
    }

    /// The answer for pixels.
    ///
    /// - Parameters:
    ///   - image: upright, sRGB.
    ///   - path: what the picture is called.
    /// - Throws: `CancellationError`; `FauxtoError.model` where the model fails on it.
    public nonisolated func predict(_ image: Pixels, path: String? = nil) async throws -> Prediction {
      try await predict(path: path) { image }
    }

    /// Answers in the order of `urls`, one by one, as soon as they are known. Who stops listening stops the work.
    public nonisolated func predictMany(_ urls: [URL]) -> AsyncThrowingStream<Prediction, any Error> {
      AsyncThrowingStream { continuation in
        let task = Task {
          do {
            for url in urls { continuation.yield(try await self.predict(contentsOf: url)) }
            continuation.finish()
          } catch {
            continuation.finish(throwing: error)
          }
        }
        continuation.onTermination = { _ in task.cancel() }
      }
    }

    /// The network alone, on all crops in one batch.
    ///
    /// - Parameter crops: N of (S, S, 3 or 4), of `Preprocessing.crops(of:)`.
    /// - Returns: (N,), before the calibration.
    /// - Throws: `FauxtoError.model` where the model fails on them.
    public func logits(of crops: [Pixels]) throws -> [Double] {
      do {
        let inputs = try crops.map { crop in
          try MLDictionaryFeatureProvider(dictionary: [Output.input: MLFeatureValue(pixelBuffer: crop.pixelBuffer())])
        }
        let answers = try model.predictions(fromBatch: MLArrayBatchProvider(array: inputs))
        return try (0..<answers.count).map {
          try output.logit(in: answers.features(at: $0), calibration: card.calibration)
        }
      } catch let error as FauxtoError {
        throw error
      } catch {
        throw FauxtoError.model("\(card.release): fails on a picture (\(error.localizedDescription)); try .cpuOnly")
      }
    }

    /// How far this machine's answers for the golden pictures are from the card's, at most: |Δlogit|.
    ///
    /// Half precision stays under 0.02; an answer that is off by whole units is of broken hardware or another model.
    ///
    /// - Throws: `FauxtoError.model` where the model fails on one.
    public nonisolated func goldenDifference() async throws -> Double {
      var worst = 0.0
      for golden in card.golden {
        let crops = try card.input.crops(of: .golden(golden.picture))
        let difference = abs(card.input.pool(try await logits(of: crops)) - golden.logit)
        worst = max(worst, difference.isNaN ? .infinity : difference)
      }
      return worst
    }

    private nonisolated func predict(path: String?, decode: () throws -> Pixels) async throws -> Prediction {
      let started = ContinuousClock.now
      try Task.checkCancellation()
      let image: Pixels
      do {
        image = try decode()
      } catch FauxtoError.image(let reason) {
        return judge.failure(reason, path: path)
      }
      try Task.checkCancellation()
      let crops = try card.input.crops(of: image)
      try Task.checkCancellation()
      let logits = try await logits(of: crops)
      var record = try judge.prediction(logits: logits, width: image.width, height: image.height, path: path)
      guard record.status == .ok else { return record }
      let elapsed = (ContinuousClock.now - started).components
      record.elapsedMS = (Double(elapsed.seconds) * 1e5 + Double(elapsed.attoseconds) / 1e13).rounded() / 100
      record.provider = "coreml"
      record.modelSHA256 = modelSHA256
      return record
    }

    private static func card(in description: MLModelDescription, name: String) throws -> Card {
      let own = description.metadata[.creatorDefinedKey] as? [String: String]
      guard let json = own?["fauxto.card"] else {
        throw FauxtoError.card("\(name): holds no card; give the card.json of its folder")
      }
      return try Card(json: Data(json.utf8), name: "the card inside of \(name)")
    }
  }
#endif
