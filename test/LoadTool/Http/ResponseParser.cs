using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace GrainDb.LoadTool.Http;

/// <summary>
/// Reads one HTTP/1.1 response after another from the bytes of one connection (RFC 9112): <c>Content-Length</c>,
/// <c>chunked</c> with extensions and trailers, and bodies that end with the connection. Without pipelining: bytes beyond
/// the response are an error. A chunked body is made contiguous in place, so that <see cref="Body"/> is always one span.
/// Grows one buffer to the largest response seen and allocates nothing per response.
/// </summary>
internal sealed class ResponseParser
{
    /// <summary>Longest response head in bytes.</summary>
    public const int MaxHeadBytes = 64 * 1024;

    /// <summary>Longest response in bytes as it travels.</summary>
    public const int MaxResponseBytes = 128 * 1024 * 1024;

    private const int InitialBytes = 16 * 1024;
    private const int MaxChunkLineBytes = 4096;

    private byte[] _buffer = new byte[InitialBytes];
    private Phase _phase = Phase.Done;
    private int _filled;
    private int _position;
    private int _headStart;
    private int _headLength;
    private int _bodyStart;
    private int _bodyLength;
    private int _remaining;
    private bool _bodyless;

    private enum Phase
    {
        Head,
        FixedBody,
        ChunkLine,
        ChunkData,
        ChunkEnd,
        Trailers,
        UntilClose,
        Done,
    }

    /// <summary>Status code of the finished response.</summary>
    public int Status { get; private set; }

    /// <summary>Whether the server closes the connection after this response.</summary>
    public bool CloseAfter { get; private set; }

    /// <summary>Bytes of the finished response as it travelled.</summary>
    public int WireBytes => _filled;

    /// <summary>The body, chunks joined. Valid until the next <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Body => _buffer.AsSpan(_bodyStart, _bodyLength);

    /// <summary>Starts the next response.</summary>
    /// <param name="bodyless">The request was a HEAD: the response has no body whatever its headers say.</param>
    public void Begin(bool bodyless)
    {
        _bodyless = bodyless;
        _filled = _position = _headStart = _headLength = _bodyStart = _bodyLength = _remaining = 0;
        Status = 0;
        CloseAfter = false;
        _phase = Phase.Head;
    }

    /// <summary>Where to put received bytes; never empty.</summary>
    public Memory<byte> Writable()
    {
        if (_filled == _buffer.Length)
        {
            if (_filled >= MaxResponseBytes)
                throw new ProtocolException($"response longer than {MaxResponseBytes} bytes");
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, MaxResponseBytes));
        }

        return _buffer.AsMemory(_filled);
    }

    /// <summary>Takes what was received.</summary>
    /// <returns>Whether the response is complete.</returns>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public bool Advance(int received)
    {
        _filled += received;
        while (Step())
        {
        }

        if (_phase == Phase.Done && _position != _filled)
            throw new ProtocolException($"{_filled - _position} bytes after the end of the response");
        return _phase == Phase.Done;
    }

    /// <summary>The server closed the connection.</summary>
    /// <returns>Whether that ends the response properly.</returns>
    public bool AdvanceToEnd()
    {
        if (_phase != Phase.UntilClose)
            return false;
        _phase = Phase.Done;
        return true;
    }

    /// <summary>A header of the finished response, by name in any case.</summary>
    public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> rest = _buffer.AsSpan(_headStart, _headLength);
        while (NextHeader(ref rest, out var candidate, out value))
        {
            if (candidate.Length == name.Length && Ascii.EqualsIgnoreCase(candidate, name))
                return true;
        }

        value = default;
        return false;
    }

    /// <summary>The <c>ETag</c> without its quotes, or null.</summary>
    public string? EntityTag() => TryGetHeader("ETag"u8, out var value) ? Encoding.ASCII.GetString(value.Trim((byte)'"')) : null;

    private bool Step() => _phase switch
    {
        Phase.Head => ReadHead(),
        Phase.FixedBody => ReadFixedBody(),
        Phase.ChunkLine => ReadChunkLine(),
        Phase.ChunkData => ReadChunkData(),
        Phase.ChunkEnd => ReadChunkEnd(),
        Phase.Trailers => ReadTrailer(),
        Phase.UntilClose => ReadUntilClose(),
        _ => false,
    };

    private bool ReadHead()
    {
        var unread = _buffer.AsSpan(_position, _filled - _position);
        var end = unread.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return unread.Length <= MaxHeadBytes ? false : throw new ProtocolException($"head longer than {MaxHeadBytes} bytes");

        var head = unread[..(end + 2)];
        _position += end + 4;
        if (head.Length < 14 || !head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head.Slice(9, 3), out int status, out var digits) || digits != 3)
            throw new ProtocolException("malformed status line");
        if (status is >= 100 and < 200)
            return true; // interim: the real head follows

        Status = status;
        var statusLine = head.IndexOf("\r\n"u8) + 2;
        _headStart = _position - head.Length - 2 + statusLine;
        _headLength = head.Length - statusLine;
        _bodyStart = _position;
        ChooseBody(head[statusLine..]);
        return true;
    }

    private void ChooseBody(ReadOnlySpan<byte> headers)
    {
        var length = -1;
        var chunked = false;
        while (NextHeader(ref headers, out var name, out var value))
        {
            // Lengths tell the few names of interest apart without comparing each.
            if (name.Length == 14 && Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
                length = ParseLength(value, length);
            else if (name.Length == 17 && Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
                chunked = Ascii.EqualsIgnoreCase(value, "chunked"u8) ? true : throw new ProtocolException("unknown transfer encoding");
            else if (name.Length == 10 && Ascii.EqualsIgnoreCase(name, "Connection"u8))
                CloseAfter = Ascii.EqualsIgnoreCase(value, "close"u8);
        }

        if (_bodyless || Status is 204 or 304)
            _phase = Phase.Done;
        else if (chunked)
            _phase = Phase.ChunkLine;
        else if (length >= 0)
            (_phase, _remaining) = (Phase.FixedBody, length);
        else
            (_phase, CloseAfter) = (Phase.UntilClose, true);
    }

    private static int ParseLength(ReadOnlySpan<byte> value, int before)
    {
        if (!Utf8Parser.TryParse(value, out int length, out var used) || used != value.Length || length < 0 || length > MaxResponseBytes)
            throw new ProtocolException("malformed or too large Content-Length");
        return before >= 0 && before != length ? throw new ProtocolException("two different Content-Lengths") : length;
    }

    private bool ReadFixedBody()
    {
        if (_filled - _position < _remaining)
            return false;
        _bodyLength = _remaining;
        _position += _remaining;
        _phase = Phase.Done;
        return true;
    }

    private bool ReadChunkLine()
    {
        if (!TryReadLine(out var line))
            return false;
        var extension = line.IndexOf((byte)';');
        var digits = (extension < 0 ? line : line[..extension]).Trim((byte)' ');
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _remaining) || _remaining < 0)
            throw new ProtocolException("malformed chunk size");
        _phase = _remaining == 0 ? Phase.Trailers : Phase.ChunkData;
        return true;
    }

    private bool ReadChunkData()
    {
        var take = Math.Min(_remaining, _filled - _position);
        _buffer.AsSpan(_position, take).CopyTo(_buffer.AsSpan(_bodyStart + _bodyLength));
        _bodyLength += take;
        _position += take;
        _remaining -= take;
        if (_remaining > 0)
            return false;
        _phase = Phase.ChunkEnd;
        return true;
    }

    private bool ReadChunkEnd()
    {
        if (_filled - _position < 2)
            return false;
        if (!_buffer.AsSpan(_position, 2).SequenceEqual("\r\n"u8))
            throw new ProtocolException("chunk longer than its size");
        _position += 2;
        _phase = Phase.ChunkLine;
        return true;
    }

    private bool ReadTrailer()
    {
        if (!TryReadLine(out var line))
            return false;
        if (line.IsEmpty)
            _phase = Phase.Done;
        return true;
    }

    private bool ReadUntilClose()
    {
        _bodyLength = _filled - _bodyStart;
        _position = _filled;
        return false;
    }

    private bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        var unread = _buffer.AsSpan(_position, _filled - _position);
        var end = unread.IndexOf("\r\n"u8);
        if (end < 0)
        {
            line = default;
            return unread.Length <= MaxChunkLineBytes ? false : throw new ProtocolException("chunk line too long");
        }

        line = unread[..end];
        _position += end + 2;
        return true;
    }

    private static bool NextHeader(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = value = default;
        if (rest.IsEmpty)
            return false;
        var end = rest.IndexOf("\r\n"u8);
        var line = rest[..end];
        rest = rest[(end + 2)..];
        var colon = line.IndexOf((byte)':');
        if (colon <= 0)
            throw new ProtocolException("malformed header line");
        name = line[..colon];
        value = line[(colon + 1)..].Trim(" \t"u8);
        return true;
    }
}
