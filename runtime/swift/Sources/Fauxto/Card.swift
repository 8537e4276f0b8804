import Foundation

/// A model's card: every number that a program must know of the model. It is checked when it is read; nothing is guessed.
public struct Card: Codable, Equatable, Sendable {
  /// The version of the card's format that this package reads.
  public static let schema = 2

  /// Of the model, the same for all of its releases.
  public let name: String
  /// The release, 1 and up; 0 for a model that was never released.
  public let version: Int
  /// In the order of the network's outputs.
  public let labels: [String]
  /// The one that p is the probability of.
  public let positiveLabel: String
  /// From an upright sRGB picture to the network's input.
  public let input: Preprocessing
  public let calibration: Calibration
  /// Name ("fpr1") -> the rule that turns p into words.
  public let operatingPoints: [String: OperatingPoint]
  public let defaultOperatingPoint: String
  /// Of a picture that can be judged at all, px.
  public let minimumShortSide: Int
  /// What the reference answers for each golden picture.
  public let golden: [Golden]
  /// The figures of the test split; nil for a model that was not tested.
  public let test: TestFigures?

  /// A golden picture's number, see `Pixels.golden(_:)`, and its logit.
  public struct Golden: Codable, Equatable, Sendable {
    public let picture: Int
    public let logit: Double
  }

  enum CodingKeys: String, CodingKey {
    case schema = "card"
    case name, version, labels, input, calibration, golden, test
    case positiveLabel = "positive_label"
    case operatingPoints = "operating_points"
    case defaultOperatingPoint = "default_operating_point"
    case minimumShortSide = "minimum_short_side"
  }

  /// Name and version, "fauxto-r18-v6": what every answer says of the model.
  public var release: String { version == 0 ? name : "\(name)-v\(version)" }

  /// The operating point of that name, or the default one.
  ///
  /// - Throws: `FauxtoError.argument` for a name that the card has not.
  public func operatingPoint(_ name: String? = nil) throws -> (name: String, point: OperatingPoint) {
    let chosen = name ?? defaultOperatingPoint
    guard let point = operatingPoints[chosen] else {
      throw FauxtoError.argument(
        "no operating point '\(chosen)'; the model has \(operatingPoints.keys.sorted().joined(separator: ", "))")
    }
    return (chosen, point)
  }
}

extension Card {
  /// Read a file, `card.json`. Throws `FauxtoError.card`, which begins with the file's path.
  public init(contentsOf url: URL) throws {
    let data: Data
    do {
      data = try Data(contentsOf: url)
    } catch {
      throw FauxtoError.card("\(url.path): cannot be read; a model needs its card.json: copy it beside the model")
    }
    try self.init(json: data, name: url.path)
  }

  /// Read a card's JSON.
  ///
  /// - Parameters:
  ///   - data: UTF-8.
  ///   - name: what errors call it.
  /// - Throws: `FauxtoError.card` for anything amiss.
  public init(json data: Data, name: String) throws {
    do {
      self = try JSONDecoder().decode(Card.self, from: data)
    } catch FauxtoError.card(let reason) {
      throw FauxtoError.card("\(name): \(reason)")
    } catch let error as DecodingError {
      throw FauxtoError.card("\(name): \(Self.reason(of: error)); export the model again")
    }
  }

  /// Throws `FauxtoError.card` where the card is of another schema or no runtime could work with it.
  public init(from decoder: any Decoder) throws {
    let card = try decoder.container(keyedBy: CodingKeys.self)
    let schema = try card.decode(Int.self, forKey: .schema)
    guard schema == Self.schema else {
      let fix =
        schema < Self.schema
        ? "take the card.json of the model's folder, or a newer release of the model"
        : "get a Fauxto that reads it"
      throw FauxtoError.card("card schema \(schema) is not \(Self.schema); \(fix)")
    }
    name = try card.decode(String.self, forKey: .name)
    version = try card.decodeIfPresent(Int.self, forKey: .version) ?? 0
    labels = try card.decode([String].self, forKey: .labels)
    positiveLabel = try card.decode(String.self, forKey: .positiveLabel)
    input = try card.decode(Preprocessing.self, forKey: .input)
    calibration = try card.decode(Calibration.self, forKey: .calibration)
    operatingPoints = try card.decode([String: OperatingPoint].self, forKey: .operatingPoints)
    defaultOperatingPoint = try card.decode(String.self, forKey: .defaultOperatingPoint)
    minimumShortSide = try card.decode(Int.self, forKey: .minimumShortSide)
    golden = try card.decode([Golden].self, forKey: .golden)
    test = try card.decodeIfPresent(TestFigures.self, forKey: .test)
    if let wrong = unknown {
      throw FauxtoError.card("\(wrong) is not what this Fauxto knows; export the model again")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var card = encoder.container(keyedBy: CodingKeys.self)
    try card.encode(Self.schema, forKey: .schema)
    try card.encode(name, forKey: .name)
    try card.encode(version, forKey: .version)
    try card.encode(labels, forKey: .labels)
    try card.encode(positiveLabel, forKey: .positiveLabel)
    try card.encode(input, forKey: .input)
    try card.encode(calibration, forKey: .calibration)
    try card.encode(operatingPoints, forKey: .operatingPoints)
    try card.encode(defaultOperatingPoint, forKey: .defaultOperatingPoint)
    try card.encode(minimumShortSide, forKey: .minimumShortSide)
    try card.encode(golden, forKey: .golden)
    try card.encodeIfPresent(test, forKey: .test)
  }

  /// The first field whose value no runtime could work with.
  private var unknown: String? {
    let crops = input.positions
    let rules = [
      ("filter", input.filter == "bicubic"),
      ("pooling", input.pooling == "mean of the largest"),
      ("crop_size", (1...4096).contains(input.cropSize)),
      ("max_short_side", (input.cropSize...max(input.cropSize, Pixels.maximumSide)).contains(input.maxShortSide)),
      ("positions", (1...256).contains(crops.count) && crops.allSatisfy(Self.isPlace)),
      ("pooled_crops", 1 <= input.pooledCrops && input.pooledCrops <= crops.count),
      ("mean", input.mean.count == 3),
      ("std", input.std.count == 3 && input.std.allSatisfy { $0 > 0 }),
      ("calibration", 1e-6 < calibration.temperature && calibration.temperature < 1e6),
      ("labels", labels.count == 2 && Set(labels).count == 2),
      ("positive_label", labels.contains(positiveLabel)),
      ("default_operating_point", operatingPoints[defaultOperatingPoint] != nil),
      (
        "operating_points",
        operatingPoints.values.allSatisfy { 0 <= $0.noSignBelow && $0.noSignBelow <= $0.threshold && $0.threshold <= 2 }
      ),
      ("version", version >= 0),
      ("minimum_short_side", (1...Pixels.maximumSide).contains(minimumShortSide)),
      ("golden", golden.allSatisfy { Pixels.goldenSizes.indices.contains($0.picture) }),
    ]
    return rules.first { !$0.1 }?.0
  }

  private static func isPlace(_ place: [Double]) -> Bool {
    place.count == 2 && place.allSatisfy { (0...1).contains($0) }
  }

  private static func reason(of error: DecodingError) -> String {
    func name(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
    switch error {
    case .keyNotFound(let key, let context):
      return "the field \(name(context.codingPath + [key])) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "the field \(name(context.codingPath)) has a wrong value"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "the field \(name(context.codingPath)) has a wrong value"
    default:
      return "not valid JSON"
    }
  }
}
