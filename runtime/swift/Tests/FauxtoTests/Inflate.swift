/// zlib's format (RFC 1950 and 1951), for the vectors: Foundation on Linux has no decoder of pictures.
struct Inflate {
  struct Damaged: Error {}

  private let bytes: [UInt8]
  private var place = 0
  private var bit = 0
  private var result = [UInt8]()

  /// The bytes that a zlib stream holds.
  static func unpack(_ bytes: [UInt8]) throws -> [UInt8] {
    var stream = Inflate(bytes: bytes)
    return try stream.run()
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
    place = 2  // the header
  }

  private mutating func run() throws -> [UInt8] {
    var isLast = false
    while !isLast {
      isLast = try bits(1) == 1
      switch try bits(2) {
      case 0: try stored()
      case 1: try blocks(literals: Self.fixedLiterals, distances: Self.fixedDistances)
      case 2:
        let (literals, distances) = try tables()
        try blocks(literals: literals, distances: distances)
      default: throw Damaged()
      }
    }
    return result
  }

  private mutating func bits(_ count: Int) throws -> Int {
    var value = 0
    for i in 0..<count {
      guard place < bytes.count else { throw Damaged() }
      value |= (Int(bytes[place]) >> bit & 1) << i
      bit += 1
      if bit == 8 {
        bit = 0
        place += 1
      }
    }
    return value
  }

  private mutating func stored() throws {
    if bit > 0 {
      bit = 0
      place += 1
    }
    let count = try bits(16)
    _ = try bits(16)
    guard place + count <= bytes.count else { throw Damaged() }
    result += bytes[place..<(place + count)]
    place += count
  }

  private mutating func blocks(literals: Huffman, distances: Huffman) throws {
    while true {
      let symbol = try next(literals)
      if symbol < 256 {
        result.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < Self.lengths.count else { throw Damaged() }
      let length = try Self.lengths[symbol - 257] + bits(Self.lengthBits[symbol - 257])
      let code = try next(distances)
      guard code < Self.distances.count else { throw Damaged() }
      let distance = try Self.distances[code] + bits(Self.distanceBits[code])
      guard distance <= result.count else { throw Damaged() }
      for _ in 0..<length { result.append(result[result.count - distance]) }
    }
  }

  private mutating func tables() throws -> (Huffman, Huffman) {
    let literals = try bits(5) + 257
    let distances = try bits(5) + 1
    let count = try bits(4) + 4
    var order = [Int](repeating: 0, count: 19)
    for at in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(count) {
      order[at] = try bits(3)
    }
    let code = Huffman(order)
    var lengths = [Int]()
    while lengths.count < literals + distances {
      switch try next(code) {
      case let length where length < 16: lengths.append(length)
      case 16:
        guard let last = lengths.last else { throw Damaged() }
        lengths += [Int](repeating: last, count: try bits(2) + 3)
      case 17: lengths += [Int](repeating: 0, count: try bits(3) + 3)
      default: lengths += [Int](repeating: 0, count: try bits(7) + 11)
      }
    }
    return (Huffman(Array(lengths.prefix(literals))), Huffman(Array(lengths.dropFirst(literals))))
  }

  private mutating func next(_ code: Huffman) throws -> Int {
    var value = 0
    var first = 0
    var at = 0
    for length in 1...15 {
      value |= try bits(1)
      let count = code.counts[length]
      if value - count < first { return code.symbols[at + value - first] }
      at += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Damaged()
  }

  /// A canonical code: how many words of each length, and their symbols in order.
  private struct Huffman {
    var counts = [Int](repeating: 0, count: 16)
    var symbols = [Int]()

    init(_ lengths: [Int]) {
      for length in lengths where length > 0 { counts[length] += 1 }
      for length in 1...15 { symbols += lengths.indices.filter { lengths[$0] == length } }
    }
  }

  private static let fixedLiterals = Huffman((0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  private static let fixedDistances = Huffman([Int](repeating: 5, count: 30))
  private static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193,
    12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
}
