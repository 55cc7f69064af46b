using System.Net;
using System.Text.Json;
using GrainDb.Engine.Sagas;

namespace GrainDb.Grains.Sagas.Http;

/// <summary>
/// What an HTTP answer says of a call. 2xx: done. 409 and 422: refused for a reason of business. 429 and 503: certainly nothing was done. 408 and other 5xx: nobody knows. Anything else,
/// a redirect among it, can only be a mistake in the configuration, the definition or the service.
/// </summary>
internal static class HttpAnswer
{
    public static SagaCallResult Read(HttpStatusCode status, ReadOnlySpan<byte> body, bool isTooLong)
    {
        var number = (int)status;
        return number switch
        {
            >= 200 and < 300 when isTooLong => Bug($"answered {number} with more than {SagaLimits.MaxDocumentBytes} bytes"),
            >= 200 and < 300 => Completed(number, body),
            409 or 422 => new SagaCallResult(SagaCallStatus.Rejected, default, Reason(number, body)),
            429 or 503 => new SagaCallResult(SagaCallStatus.Transient, default, Reason(number, body)),
            408 or >= 500 => new SagaCallResult(SagaCallStatus.Unknown, default, Reason(number, body)),
            >= 300 and < 400 => Bug($"answered {number}: redirects are not followed"),
            _ => Bug(Reason(number, body)),
        };
    }

    private static SagaCallResult Completed(int number, ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty)
            return new SagaCallResult(SagaCallStatus.Completed, default, "");
        try
        {
            return new SagaCallResult(SagaCallStatus.Completed, JsonElement.Parse(body), "");
        }
        catch (JsonException exception)
        {
            return Bug($"answered {number} with a body that is no JSON: {exception.Message}");
        }
    }

    /// <summary>What a person is told: the detail of a problem document, or nothing of the body, since it may be anything.</summary>
    private static string Reason(int number, ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (JsonElement.TryParseValue(ref reader, out var problem) && problem is { ValueKind: JsonValueKind.Object } document)
            {
                foreach (var member in (ReadOnlySpan<string>)["detail", "reason", "title"])
                {
                    if (document.TryGetProperty(member, out var text) && text.ValueKind == JsonValueKind.String)
                        return Shorten($"{number}: {text.GetString()}");
                }
            }
        }
        catch (JsonException)
        {
            return $"answered {number}";
        }

        return $"answered {number}";
    }

    private static string Shorten(string text) => text.Length <= SagaLimits.MaxReasonLength ? text : text[..SagaLimits.MaxReasonLength];

    private static SagaCallResult Bug(string reason) => new(SagaCallStatus.Bug, default, reason);
}
