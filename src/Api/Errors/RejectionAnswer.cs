using System.Globalization;
using System.Text;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Api.Errors;

/// <summary>A whole HTTP/1.1 answer that carries a problem document and closes the connection.</summary>
internal static class RejectionAnswer
{
    public static byte[] Serialize(Failure failure, string traceId, bool withBody)
    {
        var body = ProblemMapper.Serialize(failure, traceId);
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {ErrorTable.Of(failure.Code).Status} Bad Request\r\nContent-Type: {ProblemMapper.ContentType}\r\nContent-Length: {body.Length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n");
        var headBytes = Encoding.ASCII.GetBytes(head);
        return withBody ? [.. headBytes, .. body] : headBytes;
    }
}
