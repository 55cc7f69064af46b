using GrainDb.Silo.Configuration;
using Microsoft.Extensions.Logging.Console;

namespace GrainDb.Silo.Hosting;

/// <summary>Logs go to standard error; standard output carries the ready lines and nothing else.</summary>
public static class ProcessLogging
{
    /// <summary>
    /// GrainDb logs from the configured level, everything else from Warning. The usual <c>Logging:LogLevel</c> section refines it by category.
    /// </summary>
    public static void AddProcessLogging(this ILoggingBuilder logging, ServerOptions options, IConfiguration configuration, StartPhase start)
    {
        ArgumentNullException.ThrowIfNull(logging);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(start);
        logging.ClearProviders();
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter("GrainDb", options.LogLevel);
        start.Filter(logging);

        // A caller of a node that is down gets its answer; Orleans adds a stack trace for each of them.
        logging.AddFilter("Orleans.Messaging", LogLevel.Critical);

        // Its first round of every start measures from a clock reading of zero and reports the uptime of the machine as a stall.
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        logging.AddConfiguration(configuration.GetSection("Logging"));
        if (options.LogFormat == LogFormat.Json)
            logging.AddJsonConsole(format => (format.UseUtcTimestamp, format.TimestampFormat) = (true, "O"));
        else
            logging.AddSimpleConsole(format => (format.SingleLine, format.UseUtcTimestamp, format.TimestampFormat, format.ColorBehavior) = (true, true, "yyyy-MM-ddTHH:mm:ss.fffZ ", LoggerColorBehavior.Disabled));
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
