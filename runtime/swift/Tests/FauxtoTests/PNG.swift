import Fauxto
import Foundation

/// The samples of the vectors' PNG files: eight bits, RGB, not interlaced; metadata is not looked at.
enum PNG {
  struct Unknown: Error {
    let what: String
  }

  static func pixels(_ url: URL) throws -> Pixels {
    let bytes = [UInt8](try Data(contentsOf: url))
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { throw Unknown(what: "\(url.path) is no PNG") }
    var header = [UInt8]()
    var packed = [UInt8]()
    var at = 8
    while at + 8 <= bytes.count {
      let length = number(bytes[at..<(at + 4)])
      let kind = String(decoding: bytes[(at + 4)..<(at + 8)], as: UTF8.self)
      let content = bytes[(at + 8)..<(at + 8 + length)]
      if kind == "IHDR" { header = Array(content) }
      if kind == "IDAT" { packed += content }
      at += length + 12
    }
    guard header.count == 13, header[8...] == [8, 2, 0, 0, 0] else {
      throw Unknown(what: "\(url.path) is not plain RGB")
    }
    let (width, height) = (number(header[0..<4]), number(header[4..<8]))
    let lines = try Inflate.unpack(packed)
    guard lines.count == height * (1 + 3 * width) else { throw Unknown(what: "\(url.path) is cut off") }
    return try Pixels(width: width, height: height, samples: unfiltered(lines, line: 3 * width))
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.reduce(0) { $0 << 8 | Int($1) }
  }

  /// Undo the filter of each line (PNG specification, 9.2).
  private static func unfiltered(_ lines: [UInt8], line: Int) -> [UInt8] {
    var result = [UInt8]()
    result.reserveCapacity(lines.count)
    for start in stride(from: 0, to: lines.count, by: line + 1) {
      for i in 0..<line {
        let isFirst = start == 0
        let a = i < 3 ? 0 : Int(result[result.count - 3])
        let b = isFirst ? 0 : Int(result[result.count - line])
        let c = i < 3 || isFirst ? 0 : Int(result[result.count - line - 3])
        let guess =
          switch lines[start] {
          case 1: a
          case 2: b
          case 3: (a + b) / 2
          case 4: paeth(a, b, c)
          default: 0
          }
        result.append(lines[start + 1 + i] &+ UInt8(guess))
      }
    }
    return result
  }

  private static func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
    let p = a + b - c
    let (pa, pb, pc) = (abs(p - a), abs(p - b), abs(p - c))
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
  }
}
